import { startServer } from '~/server'
import { loadConfig } from '~/utils/config'

/** The real server, which collects its garbage when it is asked to (SIGUSR2), so that memory can be compared. */
process.on('SIGUSR2', () => Bun.gc(true))
await startServer(loadConfig(process.env))
