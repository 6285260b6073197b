import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { rowsOf } from '~/db/session'
import { inTransaction } from '~/db/transaction'
import { startInstance } from '~/instance'
import { loadConfig } from '~/utils/config'
import { attachLogger, createLogger } from '~/utils/logger'

/**
 * The real server in a process of its own, to whose database and memory the test that started it has access: the
 * embedded database lets nobody else in. See controlled.ts for the other end.
 */

export type ControlRequest =
  /** Runs a statement, past all of the server's own code. */
  | { kind: 'sql'; text: string }
  /** From the answer on the database answers nothing about streams and events, until the release. */
  | { kind: 'hold'; name: number }
  | { kind: 'release'; name: number }
  /** Resident bytes after a collection. */
  | { kind: 'memory' }
export type ControlAnswer = { id: number; value?: unknown; error?: string }

const holds = new Map<number, PromiseWithResolvers<void>>()

/** Resolves when the lock is held; whoever asked before had his turn. */
function hold(name: number): Promise<void> {
  const released = Promise.withResolvers<void>()
  holds.set(name, released)
  return new Promise((isHeld, fail) => {
    inTransaction(async (tx) => {
      await tx.execute(sql`lock table streams, events in access exclusive mode`)
      isHeld()
      await released.promise
    }).catch(fail)
  })
}

async function perform(request: ControlRequest): Promise<unknown> {
  switch (request.kind) {
    case 'sql':
      return rowsOf(db, sql.raw(request.text))
    case 'hold':
      return hold(request.name)
    case 'release':
      return holds.get(request.name)?.resolve()
    case 'memory':
      Bun.gc(true)
      return process.memoryUsage().rss
  }
}

async function answer({ id, ...request }: ControlRequest & { id: number }): Promise<void> {
  try {
    process.send?.({ id, value: await perform(request) } satisfies ControlAnswer)
  } catch (error) {
    process.send?.({ id, error: String(error) } satisfies ControlAnswer)
  }
}

const config = loadConfig(process.env)
// Lines of JSON, as in production: the readable ones of a test at `trace` would cost more than what is tested.
attachLogger(createLogger({ isProduction: true, logLevel: config.logLevel }))
const running = await startInstance(config)
process.on('message', (message) => void answer(message as ControlRequest & { id: number }))
// Whatever ends the test takes its server with it.
process.on('disconnect', () => process.exit(0))
process.once('SIGTERM', () => void running.drain().then(() => process.exit(0)))
process.send?.({ port: running.port })
