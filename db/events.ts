import { sql } from 'drizzle-orm'
import { appendEvents, isoFormat, type NewEvent } from '~/db/append'
import { db, transact } from '~/db/client'
import { claimIdempotencyKey, type KeptAnswer, keepAnswer } from '~/db/idempotency'
import type { Transaction } from '~/db/session'
import { Statement, slot } from '~/db/statement'
import type { Actor } from '~/utils/actor'
import type { LoggedEventType } from '~/utils/contracts/event-types'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { unavailable } from '~/utils/errors'
import { metrics } from '~/utils/metrics'
import type { Enc } from '~/utils/sealing'
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

/** A row as `eventColumns` reads it. */
export type EventRow = {
  seq: number
  id: string
  type: LoggedEventType
  json: string
  enc: Enc | null
  at: string
  epoch: string
  user_id: string | null
  store_id: string | null
  session_id: string | null
  subject_id: string | null
  order_status: string | null
  order_type: string | null
  order_created_by: string | null
}

/** In the order of `eventColumns`. */
const eventRowKeys = [
  'seq',
  'id',
  'type',
  'json',
  'enc',
  'at',
  'epoch',
  'user_id',
  'store_id',
  'session_id',
  'subject_id',
  'order_status',
  'order_type',
  'order_created_by',
] as const satisfies (keyof EventRow)[]

/** The columns of `events e` and `streams s` that make a `LoggedEvent`. */
export const eventColumns = sql`e.seq::float8 as seq, e.id, e.type, e.data::text as json, e.enc, to_char(e.at at time zone 'UTC', ${isoFormat}) as at, s.epoch,
      e.user_id, e.store_id, e.session_id, e.subject_id, e.order_status, e.order_type, e.order_created_by`

export const toLoggedEvent = (stream: StreamName, row: EventRow): LoggedEvent => ({
  stream,
  epoch: row.epoch,
  seq: row.seq,
  id: row.id,
  type: row.type,
  json: row.json,
  enc: row.enc,
  timestamp: row.at,
  userId: row.user_id,
  storeId: row.store_id,
  sessionId: row.session_id,
  subjectId: row.subject_id,
  orderStatus: row.order_status,
  orderType: row.order_type,
  orderCreatedBy: row.order_created_by,
})

/** Events `after < seq <= upTo` in order, at most `limit`. Fewer than asked for, or a hole at the start: pruned meanwhile. */
export async function readEvents(stream: StreamName, after: number, upTo: number, limit: number): Promise<LoggedEvent[]> {
  const rows = await selectEvents.run(db, { stream, after, upTo, limit })
  return rows.map((row) => toLoggedEvent(stream, row))
}

/** Each instance runs it for each event that another one has logged. */
const selectEvents = new Statement<{ stream: StreamName; after: number; upTo: number; limit: number }, EventRow>(
  () => sql`select ${eventColumns} from events e join streams s using (stream)
    where e.stream = ${slot('stream')} and e.seq > ${slot('after')} and e.seq <= ${slot('upTo')} order by e.seq limit ${slot('limit')}`,
  (columns) => Object.fromEntries(eventRowKeys.map((key, index) => [key, columns[index]])) as EventRow,
)
