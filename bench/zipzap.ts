import { startInstance } from '~/instance'
import { loadConfig } from '~/utils/config'

/** The real server, which collects its garbage when it is asked to (SIGUSR2), so that memory can be compared. */
process.on('SIGUSR2', () => Bun.gc(true))
await startInstance(loadConfig(process.env))
