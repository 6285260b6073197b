import { startInstance } from '~/instance'
import { loadConfig } from '~/utils/config'
import { attachLogger, createLogger } from '~/utils/logger'

/** The real server, which collects its garbage when it is asked to (SIGUSR2), so that memory can be compared. */
process.on('SIGUSR2', () => Bun.gc(true))
const config = loadConfig(process.env)
attachLogger(createLogger(config))
await startInstance(config)
