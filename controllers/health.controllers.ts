import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import packageJson from '~/package.json'
import type { Health, Readiness, WebSocketHealth } from '~/utils/contracts/health'
import { isDraining } from '~/utils/lifecycle'
import { type WebSocketStats, wsManager } from '~/utils/websocket'
import { askWorkers } from '~/utils/worker-link'

/** What balancers and people ask about this process. Counts and states only: these answers are open to everybody. */

/** Sums over all workers. */
export async function getWebSocketStats(): Promise<WebSocketStats> {
  const [first = wsManager.getStats(), ...others] = await askWorkers('stats', () => wsManager.getStats())
  return others.reduce((sum, stats) => addStats(sum, stats), first)
}

const addStats = (a: WebSocketStats, b: WebSocketStats): WebSocketStats => ({
  totalConnections: a.totalConnections + b.totalConnections,
  activeConnections: a.activeConnections + b.activeConnections,
  anonymousConnections: a.anonymousConnections + b.anonymousConnections,
  streams: a.streams + b.streams,
  subscriptions: a.subscriptions + b.subscriptions,
  deliveries: a.deliveries + b.deliveries,
  uptimeSeconds: Math.max(a.uptimeSeconds, b.uptimeSeconds),
})

export async function getWebSocketHealth(): Promise<WebSocketHealth> {
  const { totalConnections, activeConnections } = await getWebSocketStats()
  return { healthy: hubStatus() === 'ok', totalConnections, activeConnections }
}

/** Degraded: everything works, but late or not for long. Unavailable: requests would fail. */
export async function getHealth(): Promise<Health> {
  const hub = hubStatus()
  const { relay } = wsManager.getHealth()
  const database = (await isDatabaseUp()) ? 'ok' : 'unavailable'
  const isOut = database === 'unavailable' || hub === 'unavailable'
  const isWeak = relay === 'degraded' || hub === 'draining'
  return {
    status: isOut ? 'unavailable' : isWeak ? 'degraded' : 'ok',
    version: packageJson.version,
    uptimeSeconds: Math.round(process.uptime()),
    parts: { database: { status: database }, relay: { status: relay }, hub: { status: hub } },
  }
}

export async function getReadiness(): Promise<Readiness> {
  if (isDraining()) return { status: 'draining' }
  return { status: (await isDatabaseUp()) ? 'ready' : 'unavailable' }
}

function hubStatus(): Health['parts']['hub']['status'] {
  if (isDraining()) return 'draining'
  return wsManager.getHealth().hub
}

const databaseWaitMs = 1000
/** A question to a connection that died without a word may never be answered: after this long it is asked again. */
const askAgainMs = 5000

let asking: { since: number; answer: Promise<boolean> } | undefined

/** However many ask, the database is asked once at a time, and nobody waits longer than a second. */
async function isDatabaseUp(): Promise<boolean> {
  const now = performance.now()
  if (!asking || now - asking.since > askAgainMs) {
    const question = { since: now, answer: askDatabase() }
    asking = question
    void question.answer.then(() => {
      if (asking === question) asking = undefined
    })
  }
  const { promise: timeout, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(resolve, databaseWaitMs, false)
  try {
    return await Promise.race([asking.answer, timeout])
  } finally {
    clearTimeout(timer)
  }
}

async function askDatabase(): Promise<boolean> {
  try {
    await db.execute(sql`select 1`)
    return true
  } catch {
    return false
  }
}
