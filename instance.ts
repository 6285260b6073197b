import type { Server } from 'bun'
import { forgetMemberships } from '~/controllers/member.controllers'
import { configureResetLinks } from '~/controllers/password-reset.controllers'
import {
  authenticate,
  credentialOf,
  findSession,
  findSessionById,
  forgetSessions,
  nameSessionCookie,
  touchSessions,
} from '~/controllers/session.controllers'
import { consumeTicket } from '~/controllers/ticket.controllers'
import { openDatabase } from '~/db/client'
import { renewEpochsAfterRestore } from '~/db/epochs'
import { removeExpiredRows } from '~/db/retention'
import packageJson from '~/package.json'
import type { Connection } from '~/realtime/connection'
import { Hub } from '~/realtime/hub'
import { inProcessRelay } from '~/realtime/relay/in-process'
import type { Relay, RelayListener } from '~/realtime/relay/relay'
import { createApp, createHubOnlyApp } from '~/routes'
import { rateLimit } from '~/routes/middleware/rate-limit'
import type { Config } from '~/utils/config'
import { isDraining, setDraining } from '~/utils/lifecycle'
import { logger } from '~/utils/logger'
import { closeMail, configureMail } from '~/utils/mail'
import { registry } from '~/utils/metrics'
import { repeat } from '~/utils/repeat'
import { configureSealing } from '~/utils/sealing'
import { startTracing, stopTracing } from '~/utils/tracing'
import { attachWebSocketManager, wsManager } from '~/utils/websocket'
import type { Answers } from '~/utils/worker-link'

/** One instance, composed: database, hub, app, listeners, timers, and the way out. */

export type RunningInstance = {
  port: number
  /** This instance's part of what its supervisor is asked. */
  answers: Answers
  /** Asks sockets to move, lets requests end, and closes everything; at once when nobody is connected. */
  drain(): Promise<void>
  stop(): Promise<void>
}

const retentionEveryMs = 5 * 60_000
/** What requests may take that came while the last sockets went. */
const lastRequestsMs = 2_000

/** Opens the database, joins the other instances and listens. Rejects when any of it fails. */
export async function startInstance(config: Config, { isWorker = false } = {}): Promise<RunningInstance> {
  setDraining(false)
  nameSessionCookie(config)
  configureSealing(config)
  await configureMail(config)
  await startTracing(config, packageJson.version)
  const database = await openDatabase(config)
  await renewEpochsAfterRestore()
  const hub = new Hub({
    config,
    lookups: { findSession, findSessionById, consumeTicket, touchSessions },
    hasCredential: (headers) => credentialOf(headers)?.via ?? 'none',
    identify: authenticate,
    onRightsChanged() {
      forgetSessions()
      forgetMemberships()
    },
  })
  attachWebSocketManager(hub)
  await hub.start((listener) => openRelay(config, listener))
  const listeners = listen(config, hub, isWorker)
  const retention = repeat('retention', retentionEveryMs, () => removeExpiredRows(config.eventRetentionHours))
  const port = listeners[0]?.port ?? config.port
  configureResetLinks(config, port)
  logger.info({ port, database: database.kind }, 'ZipZap is listening')

  async function stop(): Promise<void> {
    setDraining(true)
    await retention.stop()
    await hub.stop()
    attachWebSocketManager()
    await Promise.all(listeners.map((listener) => listener.stop(true)))
    await closeMail()
    await database.close()
    await stopTracing()
  }

  /** Requests that are being answered get their answers. */
  async function endRequests(deadline: number): Promise<void> {
    while (listeners.some((listener) => listener.pendingRequests > 0) && performance.now() < deadline) await Bun.sleep(10)
  }

  async function drain(): Promise<void> {
    setDraining(true)
    const deadline = performance.now() + config.drainSeconds * 1000
    hub.drain(config.drainSeconds * 1000)
    while (hub.openSockets > 0 && performance.now() < deadline) await Bun.sleep(50)
    // From here on nobody new is let in: a request that came later would be cut by the end of its process.
    for (const listener of listeners) void listener.stop()
    await endRequests(Math.max(deadline, performance.now() + lastRequestsMs))
    await stop()
  }

  const answers = { stats: () => wsManager.getStats(), metrics: () => registry.getMetricsAsJSON() }
  return { port, answers, drain, stop }
}

/** Redis when it is there, else PostgreSQL itself; the embedded database serves one process, which has nobody to tell. */
async function openRelay({ databaseUrl, redisUrl }: Config, listener: RelayListener): Promise<Relay> {
  if (!databaseUrl) return inProcessRelay
  if (redisUrl) return (await import('~/realtime/relay/redis')).openRedisRelay(redisUrl, listener)
  return (await import('~/realtime/relay/postgres')).openPostgresRelay(databaseUrl, listener)
}

/** A balancer that keeps connections open would send its next request on one that closes under it: it is told to let go. */
async function lastOnConnection(answer: Response | Promise<Response>): Promise<Response> {
  const response = await answer
  response.headers.set('Connection', 'close')
  return response
}

/** Whether a request is for the hub. Nearly all of those come with one URL, which is taken apart once. */
function hubPathTest(path: string): (request: Request) => boolean {
  let known = ''
  return ({ url }) => {
    if (url === known) return true
    const isHub = url.includes(path) && URL.parse(url)?.pathname === path
    if (isHub) known = url
    return isHub
  }
}

/** REST and the hub on `PORT`; with `WS_PORT` the hub, and only the hub, there too. */
function listen(config: Config, hub: Hub, isWorker: boolean): Server<Connection>[] {
  const limiter = rateLimit(config.rateLimitRps)
  const common = {
    hostname: config.host,
    // Bodies are limited, with an answer in the envelope, by routes/middleware/body.ts.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    // Only workers of one supervisor share a port; `development: false` alone would let any second process take it unseen.
    reusePort: isWorker,
    websocket: hub.handlers,
  } as const
  const isHubPath = hubPathTest(config.ws.path)
  const serve = (port: number, rest: ReturnType<typeof createApp>) =>
    Bun.serve<Connection>({
      ...common,
      port,
      fetch(request, self) {
        if (isHubPath(request)) return hub.upgrade(request, self)
        const answer = rest.fetch(request, { peerAddress: self.requestIP(request)?.address ?? '', config, limiter })
        return isDraining() ? lastOnConnection(answer) : answer
      },
    })
  const main = serve(config.port, createApp(config))
  return config.ws.port === undefined ? [main] : [main, serve(config.ws.port, createHubOnlyApp(config))]
}
