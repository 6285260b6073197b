import { DataDirectoryInUse } from '~/db/data-directory'
import { compileEmbedded } from '~/db/embedded-module'
import { type Config, ConfigError, loadConfig } from '~/utils/config'
import { attachLogger, createLogger, logger, logWritten } from '~/utils/logger'
import { joinSupervisor } from '~/utils/worker-link'
import { Supervisor } from '~/workers/supervisor'

/**
 * The process: its configuration, what it runs (one instance, or workers that each run one), its signals and its end. What
 * serves is loaded only when it is known to be wanted.
 */

/** Set by the supervisor in the processes that it starts. */
const isWorker = process.env.ZIPZAP_WORKER === '1'

/** Runs until a signal ends it, or until it cannot start. */
export async function run(): Promise<void> {
  // The last net: a fault that nobody caught is logged, and the sockets of a whole shop live on.
  process.on('uncaughtException', (error) => logger.error({ err: error }, 'uncaught exception'))
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'unhandled rejection'))
  try {
    const config = loadConfig(process.env)
    attachLogger(createLogger(config))
    const count = config.workers === 'auto' ? navigator.hardwareConcurrency : config.workers
    if (count > 1 && !isWorker) await supervise(count)
    else await serve(config)
  } catch (error) {
    if (error instanceof ConfigError) for (const mistake of error.mistakes) console.error(mistake)
    else if (error instanceof DataDirectoryInUse) console.error(error.message)
    else if (cannotListen(error)) console.error(`ZipZap could not start: ${error.message}`)
    else logger.fatal({ err: error }, 'ZipZap could not start')
    await exit(1)
  }
}

async function serve(config: Config): Promise<void> {
  if (!config.databaseUrl) compileEmbedded()
  const { startInstance } = await import('~/instance')
  const running = await startInstance(config, { isWorker })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void running.drain().then(() => exit(0)))
  joinSupervisor(running.answers)
}

async function supervise(count: number): Promise<void> {
  await new Supervisor([process.execPath, 'run', Bun.main], { ...process.env, ZIPZAP_WORKER: '1' }, count).run()
  await exit(0)
}

async function exit(status: number): Promise<void> {
  await logWritten()
  process.exit(status)
}

const cannotListen = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EADDRNOTAVAIL')
