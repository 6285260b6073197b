import { keepCompiledCode } from '~/utils/compiled-code'

/** The real server, which collects its garbage when it is asked to (SIGUSR2), so that memory can be compared. */
keepCompiledCode(process.env)
process.on('SIGUSR2', () => Bun.gc(true))
const { startInstance } = await import('~/instance')
const { loadConfig } = await import('~/utils/config')
const { attachLogger, createLogger } = await import('~/utils/logger')
const config = loadConfig(process.env)
attachLogger(createLogger(config))
await startInstance(config)
