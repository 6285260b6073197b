import type { Server } from 'bun'
import { nameSessionCookie } from '~/controllers/session.controllers'
import { DataDirectoryInUse, openDatabase } from '~/db/client'
import { removeExpiredRows } from '~/db/retention'
import { createApp } from '~/routes'
import { rateLimit } from '~/routes/middleware/rate-limit'
import { type Config, ConfigError, loadConfig } from '~/utils/config'
import { setDraining } from '~/utils/lifecycle'
import { attachLogger, createLogger, logger } from '~/utils/logger'
import { repeat } from '~/utils/repeat'

/** Composition only: configuration, database, hub, app, listeners, timers, and the way out. */

export type RunningServer = { port: number; stop(): Promise<void> }

const retentionEveryMs = 5 * 60_000

export async function startServer(config: Config): Promise<RunningServer> {
  attachLogger(createLogger(config))
  setDraining(false)
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
  const retention = repeat('retention', retentionEveryMs, () => removeExpiredRows(config.eventRetentionHours))
  const port = server.port ?? config.port
  logger.info({ port, database: database.kind }, 'ZipZap is listening')

  return {
    port,
    async stop() {
      setDraining(true)
      await retention.stop()
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
    else if (isPortInUse(error)) console.error(`ZipZap could not start: ${error.message}`)
    else logger.fatal({ err: error }, 'ZipZap could not start')
    process.exit(1)
  }
}

const isPortInUse = (error: unknown): error is Error => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'

if (import.meta.main) await main()
