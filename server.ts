import type { Server } from 'bun'
import { nameSessionCookie } from '~/controllers/session.controllers'
import { DataDirectoryInUse, openDatabase } from '~/db/client'
import { createApp } from '~/routes'
import { rateLimit } from '~/routes/middleware/rate-limit'
import { type Config, ConfigError, loadConfig } from '~/utils/config'
import { attachLogger, createLogger, logger } from '~/utils/logger'

/** Composition only: configuration, database, hub, app, listeners, timers, and the way out. */

export type RunningServer = { port: number; stop(): Promise<void> }

export async function startServer(config: Config): Promise<RunningServer> {
  attachLogger(createLogger(config))
  nameSessionCookie(config)
  const database = await openDatabase(config)
  const app = createApp(config)
  const limiter = rateLimit(config.rateLimitRps)

  const server: Server<undefined> = Bun.serve({
    hostname: config.host,
    port: config.port,
    // Bodies are limited, with an answer in the envelope, by routes/middleware/body.ts.
    maxRequestBodySize: 64 * 1024 * 1024,
    fetch(request, self) {
      return app.fetch(request, { peerAddress: self.requestIP(request)?.address ?? '', config, limiter })
    },
  })
  const port = server.port ?? config.port
  logger.info({ port, database: database.kind }, 'ZipZap is listening')

  return {
    port,
    async stop() {
      await server.stop(true)
      await database.close()
    },
  }
}

async function main(): Promise<void> {
  try {
    const running = await startServer(loadConfig(process.env))
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void running.stop().then(() => process.exit(0)))
  } catch (error) {
    if (error instanceof ConfigError) for (const mistake of error.mistakes) console.error(mistake)
    else if (error instanceof DataDirectoryInUse) console.error(error.message)
    else logger.fatal({ err: error }, 'ZipZap could not start')
    process.exit(1)
  }
}

if (import.meta.main) await main()
