import { sql } from 'drizzle-orm'
import { appendEvents, type NewEvent } from '~/db/append'
import { isoFormat } from '~/db/append-statements'
import { db, transact } from '~/db/client'
import { claimIdempotencyKey, type KeptAnswer, keepAnswer } from '~/db/idempotency'
import type { Transaction } from '~/db/session'
import { Statement, slot } from '~/db/statement'
import type { Actor } from '~/utils/actor'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { unavailable } from '~/utils/errors'
import { metrics } from '~/utils/metrics'
import { sqlState } from '~/utils/sql-state'
import { traced } from '~/utils/tracing'

/**
 * The event log: streams of events, appended in the transaction of the change they tell of.
 *
 * A stream's numbers come from its counter row. The append is the last statement before COMMIT and takes that row's
 * lock, which lasts to the end of the transaction: n+1 cannot exist before n is committed, a rollback leaves no hole,
 * and the lock is held for as short a time as can be.
 */

export type Emit = (event: NewEvent) => void

export type Written<T> = {
  data: T
  /** Committed, in log order; empty when nothing changed or the answer is a replay. */
  events: LoggedEvent[]
  /** The value of `X-Stream-Position`, or null when nothing was logged. */
  position: string | null
  replayed: boolean
}

const maxAttempts = 4

/** `committedAt` is `performance.now()` right after COMMIT has returned. */
export type CommitObserver = (events: LoggedEvent[], committedAt: number) => void

let commitObserver: CommitObserver | undefined

/** Tells one observer of every commit of this process that logged events; undefined ends it. For measurements. */
export function observeCommits(observer: CommitObserver | undefined): void {
  commitObserver = observer
}

/**
 * Runs one write: `work` changes rows and says by `emit` what happened; the log is appended last, then COMMIT.
 * With an Idempotency-Key the key is claimed first and the answer kept in the same transaction; a known key answers
 * what was kept, and `work` does not run. Deadlocks and serialisation failures are tried again: `work` must be free of
 * side effects outside its transaction. Throws `AppError` 503 when the database cannot take the write.
 */
export async function withEvents<T extends object>(actor: Actor, work: (tx: Transaction, emit: Emit) => Promise<T>): Promise<Written<T>> {
  for (let attempt = 1; ; attempt++) {
    try {
      const written = await traced('transaction', () => runOnce(actor, work))
      if (written.events.length > 0) {
        metrics.appended.inc(written.events.length)
        commitObserver?.(written.events, performance.now())
      }
      return written
    } catch (error) {
      const { code } = sqlState(error)
      const canRetry = code === '40001' || code === '40P01'
      if (!canRetry) throw code === '55P03' ? unavailable('The resource is busy; try again') : error
      if (attempt >= maxAttempts) throw unavailable('The resource is busy; try again')
    }
  }
}

function runOnce<T extends object>(actor: Actor, work: (tx: Transaction, emit: Emit) => Promise<T>): Promise<Written<T>> {
  const { idempotency } = actor.request
  return transact('', laneOf(actor), async (tx) => {
    if (idempotency) {
      const kept = await claimIdempotencyKey(tx, actor.userId, idempotency)
      if (kept) return replay<T>(kept)
    }
    const emitted: NewEvent[] = []
    const data = await work(tx, (event) => {
      emitted.push(event)
    })
    const answer = idempotency && { ...idempotency, data }
    if (emitted.length === 0) {
      if (answer) await keepAnswer(tx, actor.userId, answer)
      return { data, events: [], position: null, replayed: false }
    }
    const events = await traced('append', () => appendEvents(tx, actor, emitted, answer))
    return { data, events, position: positionHeader(events), replayed: false }
  })
}

/** Writes of one store, or of one user outside any store, go in one lane. */
const laneOf = (actor: Actor): string => ('storeId' in actor && typeof actor.storeId === 'string' ? actor.storeId : actor.userId)

const replay = <T>(kept: KeptAnswer): Written<T> => ({ data: kept.answer as T, events: [], position: kept.position, replayed: true })

/** `X-Stream-Position` of the last event of each stream. */
function positionHeader(events: LoggedEvent[]): string {
  const last = new Map(events.map((event) => [event.stream, `${event.stream}=${event.epoch}:${event.seq}`]))
  return [...last.values()].sort().join(', ')
}

/** The columns of `events e` and `streams s` that make a `LoggedEvent`; `toLoggedEvent` takes them in this order. */
export const eventColumns = sql`e.seq::float8 as seq, e.id, e.type, e.data::text as json, e.enc, to_char(e.at at time zone 'UTC', ${isoFormat}) as at, s.epoch,
      e.user_id, e.store_id, e.session_id, e.subject_id, e.order_status, e.order_type, e.order_created_by`

/** How many these are. */
export const eventWidth = 14

/** Makes an event of a row that begins with `eventColumns`. */
export function toLoggedEvent(stream: StreamName, columns: unknown[]): LoggedEvent {
  const [seq, id, type, json, enc, timestamp, epoch, userId, storeId, sessionId, subjectId, orderStatus, orderType, orderCreatedBy] = columns
  const event = { stream, epoch, seq, id, type, json, enc, timestamp, userId, storeId, sessionId, subjectId, orderStatus, orderType, orderCreatedBy }
  return event as LoggedEvent
}

/** Events `after < seq <= upTo` in order, at most `limit`. Fewer than asked for, or a hole at the start: pruned meanwhile. */
export async function readEvents(stream: StreamName, after: number, upTo: number, limit: number): Promise<LoggedEvent[]> {
  return await selectEvents.run(db, { stream, after, upTo, limit })
}

/** Each instance runs it for each event that another one has logged. */
const selectEvents = new Statement<{ stream: StreamName; after: number; upTo: number; limit: number }, LoggedEvent>(
  () => sql`select ${eventColumns}, e.stream from events e join streams s using (stream)
    where e.stream = ${slot('stream')} and e.seq > ${slot('after')} and e.seq <= ${slot('upTo')} order by e.seq limit ${slot('limit')}`,
  (columns) => toLoggedEvent(columns[eventWidth] as StreamName, columns),
)
