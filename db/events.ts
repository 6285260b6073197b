import { eq, sql } from 'drizzle-orm'
import { db, rowsOf, type Transaction } from '~/db/client'
import { claimIdempotencyKey, type KeptAnswer, keepAnswer, keepAnswerSql } from '~/db/idempotency'
import { streams } from '~/db/schema'
import type { Actor, IdempotencyRequest } from '~/utils/actor'
import type { EventData } from '~/utils/contracts/event-data'
import type { LoggedEventType } from '~/utils/contracts/event-types'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { unavailable } from '~/utils/errors'
import { metrics } from '~/utils/metrics'
import { sqlState } from '~/utils/sql-state'

/**
 * The event log: streams of events, appended in the transaction of the change they tell of.
 *
 * A stream's numbers come from its counter row. The append is the last statement before COMMIT and takes that row's
 * lock, which lasts to the end of the transaction: n+1 cannot exist before n is committed, a rollback leaves no hole,
 * and the lock is held for as short a time as can be.
 */

export type { LoggedEvent, StreamName }
export const storeStream = (storeId: string): StreamName => `store:${storeId}`
export const userStream = (userId: string): StreamName => `user:${userId}`
export const idOfStream = (stream: string): string => stream.slice(stream.indexOf(':') + 1)

/** What a controller says happened; `data` is what owner, manager and staff see. */
export type NewEvent = { [T in LoggedEventType]: EventOf<T> }[LoggedEventType]

type EventOf<T extends LoggedEventType> = {
  stream: StreamName
  type: T
  data: EventData[T]
  /** The resource (or member) it tells of. */
  subjectId: string
  /** For events on a user's stream that concern a store. */
  storeId?: string
  /** What filters and roles ask about an order. */
  order?: { status: string; type: string; createdBy: string }
}

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
      const written = await runOnce(actor, work)
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
  return db.transaction(async (tx) => {
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
    const events = await appendEvents(tx, actor, emitted, answer)
    return { data, events, position: positionHeader(events), replayed: false }
  })
}

type Answer = IdempotencyRequest & { data: object }

const replay = <T>(kept: KeptAnswer): Written<T> => ({ data: kept.answer as T, events: [], position: kept.position, replayed: true })

/** `X-Stream-Position` of the last event of each stream. */
function positionHeader(events: LoggedEvent[]): string {
  const last = new Map(events.map((event) => [event.stream, `${event.stream}=${event.epoch}:${event.seq}`]))
  return [...last.values()].sort().join(', ')
}

type AppendedStream = { stream: StreamName; epoch: string; last_seq: number; at: string }

/**
 * Appends to all streams in one statement, streams in sorted order so that two writers cannot wait for each other, and
 * keeps the answer of an idempotent write with its position. Must be the transaction's last statement.
 */
async function appendEvents(tx: Transaction, actor: Actor, emitted: NewEvent[], answer: Answer | null): Promise<LoggedEvent[]> {
  const ids = emitted.map(() => Bun.randomUUIDv7())
  const input = emitted.map((event, index) => ({
    ord: index,
    stream: event.stream,
    id: ids[index],
    type: event.type,
    data: event.data,
    user_id: actor.userId,
    store_id: event.storeId ?? (event.stream.startsWith('store:') ? idOfStream(event.stream) : null),
    session_id: actor.request.wsSessionId,
    subject_id: event.subjectId,
    order_status: event.order?.status ?? null,
    order_type: event.order?.type ?? null,
    order_created_by: event.order?.createdBy ?? null,
  }))
  const measured = metrics.appendSeconds.startTimer()
  const appended = await rowsOf<AppendedStream>(
    tx,
    sql`
    with input as (
      select * from json_to_recordset(${JSON.stringify(input)}::json) as e(ord int, stream text, id uuid, type text, data json,
        user_id uuid, store_id uuid, session_id text, subject_id uuid, order_status text, order_type text, order_created_by uuid)
    ), counted as (
      select stream, count(*) as n from input group by stream
    ), advanced as (
      insert into streams (stream, epoch, last_seq)
      select stream, ${newEpoch()}, n from counted order by stream
      on conflict (stream) do update set last_seq = streams.last_seq + excluded.last_seq
      returning stream, epoch, last_seq
    ), logged as (
      insert into events (stream, seq, id, type, data, user_id, store_id, session_id, subject_id, order_status, order_type, order_created_by)
      select stream, last_seq - n + row_number() over (partition by stream order by ord), id, type, data,
        user_id, store_id, session_id, subject_id, order_status, order_type, order_created_by
      from input join counted using (stream) join advanced using (stream)
      returning 1
    )${answer ? keepAnswerSql(actor.userId, answer) : sql``}
    select stream, epoch, last_seq::float8, to_char(now() at time zone 'UTC', ${isoFormat}) as at from advanced, (select count(*) from logged) as written`,
  )
  measured()
  return numberEvents(input, emitted, appended)
}

const isoFormat = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'

type InputRow = { id: string | undefined; user_id: string; store_id: string | null; session_id: string | null }

function numberEvents(input: InputRow[], emitted: NewEvent[], appended: AppendedStream[]): LoggedEvent[] {
  const byStream = new Map(appended.map((row) => [row.stream, row]))
  const next = new Map<string, number>()
  for (const row of appended) next.set(row.stream, row.last_seq - emitted.filter((event) => event.stream === row.stream).length + 1)
  return emitted.map((event, index) => {
    const row = byStream.get(event.stream)
    const values = input[index]
    const seq = next.get(event.stream)
    if (!row || !values?.id || seq === undefined) throw new Error(`The log did not return stream ${event.stream}`)
    next.set(event.stream, seq + 1)
    return {
      stream: event.stream,
      epoch: row.epoch,
      seq,
      id: values.id,
      type: event.type,
      json: JSON.stringify(event.data),
      timestamp: row.at,
      userId: values.user_id,
      storeId: values.store_id,
      sessionId: values.session_id,
      subjectId: event.subjectId,
      orderStatus: event.order?.status ?? null,
      orderType: event.order?.type ?? null,
      orderCreatedBy: event.order?.createdBy ?? null,
    }
  })
}

const newEpoch = () => crypto.randomUUID().replaceAll('-', '').slice(0, 16)

/** Makes a stream, so that it has a position before its first event. For new users and stores. */
export async function createStream(tx: Transaction, stream: StreamName): Promise<void> {
  await tx.insert(streams).values({ stream, epoch: newEpoch() }).onConflictDoNothing()
}

export type StreamHead = { stream: StreamName; epoch: string; seq: number; prunedSeq: number }

/** Where a stream ends now; null for a stream that was never made. */
export async function readHead(stream: StreamName): Promise<StreamHead | null> {
  const [head] = await db.select().from(streams).where(eq(streams.stream, stream))
  return head ? { stream, epoch: head.epoch, seq: head.lastSeq, prunedSeq: head.prunedSeq } : null
}

/** A row as `eventColumns` reads it. */
export type EventRow = {
  seq: number
  id: string
  type: LoggedEventType
  json: string
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

/** The columns of `events e` and `streams s` that make a `LoggedEvent`. */
export const eventColumns = sql`e.seq::float8 as seq, e.id, e.type, e.data::text as json, to_char(e.at at time zone 'UTC', ${isoFormat}) as at, s.epoch,
      e.user_id, e.store_id, e.session_id, e.subject_id, e.order_status, e.order_type, e.order_created_by`

export const toLoggedEvent = (stream: StreamName, row: EventRow): LoggedEvent => ({
  stream,
  epoch: row.epoch,
  seq: row.seq,
  id: row.id,
  type: row.type,
  json: row.json,
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
  const rows = await rowsOf<EventRow>(
    db,
    sql`select ${eventColumns} from events e join streams s using (stream)
    where e.stream = ${stream} and e.seq > ${after} and e.seq <= ${upTo} order by e.seq limit ${limit}`,
  )
  return rows.map((row) => toLoggedEvent(stream, row))
}
