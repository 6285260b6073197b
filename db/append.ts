import { type SQL, sql } from 'drizzle-orm'
import { type KeptValues, keepAnswerSql, keptValues } from '~/db/idempotency'
import { rowsOf, type Transaction } from '~/db/session'
import { Statement, slot } from '~/db/statement'
import { idOfStream, newEpoch } from '~/db/streams'
import type { Actor, IdempotencyRequest } from '~/utils/actor'
import type { EventData } from '~/utils/contracts/event-data'
import type { LoggedEventType } from '~/utils/contracts/event-types'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { metrics } from '~/utils/metrics'
import { type Enc, isSealed, rotatesKey, seal } from '~/utils/sealing'

/** The last statement of every write. */

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

export type Answer = IdempotencyRequest & { data: object }

type AppendedStream = { stream: StreamName; epoch: string; lastSeq: number; at: string }

/** An event with its id and the text of its data, sealed where its type asks for that. */
type Prepared = { event: NewEvent; id: string; json: string; enc: Enc | null }

export const isoFormat = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'

/**
 * Appends to all streams in one statement, streams in sorted order so that two writers cannot wait for each other, and
 * keeps the answer of an idempotent write with its position. It is the transaction's last statement: COMMIT goes with it.
 */
export async function appendEvents(tx: Transaction, actor: Actor, emitted: NewEvent[], answer: Answer | null): Promise<LoggedEvent[]> {
  const measured = metrics.appendSeconds.startTimer()
  const prepared = await prepare(tx, emitted)
  const kept = answer ? keptValues(actor.userId, answer) : null
  const appended = await appendPrepared(tx, prepared, actor, kept)
  measured()
  return numberEvents(prepared, actor, appended)
}

function appendPrepared(tx: Transaction, prepared: Prepared[], actor: Actor, kept: KeptValues | null): Promise<AppendedStream[]> {
  const [first] = prepared
  if (first && prepared.length === 1) {
    const values = { ...rowOf(first, actor), data: first.json, enc: first.enc && JSON.stringify(first.enc), epoch: newEpoch() }
    return kept ? appendOneWithAnswer.runLast(tx, { ...values, ...kept }) : appendOne.runLast(tx, values)
  }
  const values = { input: inputOf(prepared, actor), epoch: newEpoch() }
  return kept ? appendWithAnswer.runLast(tx, { ...values, ...kept }) : append.runLast(tx, values)
}

const columns = sql.raw('id, type, data, enc, user_id, store_id, session_id, subject_id, order_status, order_type, order_created_by')

const selectAppended = sql`
    select stream, epoch, last_seq::float8, to_char(now() at time zone 'UTC', ${sql.raw(`'${isoFormat}'`)}) from advanced`

type One = Row & { data: string; enc: string | null; epoch: string }

/** Nearly all writes log one event: without JSON to take apart and rows to count this costs PostgreSQL half as much. */
const appendOneSql = (more: SQL) => sql`
    with advanced as (
      insert into streams (stream, epoch, last_seq, key_generation) values (${slot('stream')}, ${slot('epoch')}, 1, ${slot('rotates')}::int)
      on conflict (stream) do update set last_seq = streams.last_seq + 1, key_generation = streams.key_generation + excluded.key_generation
      returning stream, epoch, last_seq
    ), logged as (
      insert into events (stream, seq, ${columns})
      select stream, last_seq, ${slot('id')}::uuid, ${slot('type')}, ${slot('data')}::json, ${slot('enc')}::json, ${slot('user_id')}::uuid,
        ${slot('store_id')}::uuid, ${slot('session_id')}, ${slot('subject_id')}::uuid, ${slot('order_status')}, ${slot('order_type')},
        ${slot('order_created_by')}::uuid
      from advanced
    )${more}${selectAppended}`

type Many = { input: string; epoch: string }

const appendSql = (more: SQL) => sql`
    with input as (
      select * from json_to_recordset(${slot('input')}::json) as e(ord int, stream text, id uuid, type text, data json, enc json,
        user_id uuid, store_id uuid, session_id text, subject_id uuid, order_status text, order_type text, order_created_by uuid, rotates int)
    ), counted as (
      select stream, count(*) as n, sum(rotates) as rotations from input group by stream
    ), advanced as (
      insert into streams (stream, epoch, last_seq, key_generation)
      select stream, ${slot('epoch')}, n, rotations from counted order by stream
      on conflict (stream) do update set last_seq = streams.last_seq + excluded.last_seq, key_generation = streams.key_generation + excluded.key_generation
      returning stream, epoch, last_seq
    ), logged as (
      insert into events (stream, seq, ${columns})
      select stream, last_seq - n + row_number() over (partition by stream order by ord), ${columns}
      from input join counted using (stream) join advanced using (stream)
    )${more}${selectAppended}`

const toAppended = ([stream, epoch, lastSeq, at]: unknown[]) => ({ stream, epoch, lastSeq, at }) as AppendedStream

const appendOne = new Statement<One, AppendedStream>(() => appendOneSql(sql``), toAppended)
const appendOneWithAnswer = new Statement<One & KeptValues, AppendedStream>(() => appendOneSql(keepAnswerSql), toAppended)
const append = new Statement<Many, AppendedStream>(() => appendSql(sql``), toAppended)
const appendWithAnswer = new Statement<Many & KeptValues, AppendedStream>(() => appendSql(keepAnswerSql), toAppended)

/**
 * Seals what is to be sealed. The generation of a stream's key is read under the stream's lock, so that no event is
 * sealed with a key that a member who has just left still holds.
 */
async function prepare(tx: Transaction, emitted: NewEvent[]): Promise<Prepared[]> {
  const sealedStreams = emitted.filter((event) => isSealed(event.type)).map((event) => event.stream)
  const generations = sealedStreams.length > 0 ? await lockGenerations(tx, sealedStreams) : new Map<string, number>()
  return emitted.map((event) => {
    const id = Bun.randomUUIDv7()
    const data = JSON.stringify(event.data)
    if (!isSealed(event.type)) return { event, id, json: data, enc: null }
    return { event, id, ...seal({ stream: event.stream, id, type: event.type }, generations.get(event.stream) ?? 0, data) }
  })
}

async function lockGenerations(tx: Transaction, names: string[]): Promise<Map<string, number>> {
  const rows = await rowsOf<{ stream: string; key_generation: number }>(
    tx,
    sql`select stream, key_generation from streams where stream in ${[...new Set(names)]} order by stream for no key update`,
  )
  return new Map(rows.map((row) => [row.stream, row.key_generation]))
}

const storeIdOf = (event: NewEvent): string | null => event.storeId ?? (event.stream.startsWith('store:') ? idOfStream(event.stream) : null)

/** What the log keeps of an event beside its data. */
type Row = ReturnType<typeof rowOf>

const rowOf = ({ event, id }: Prepared, actor: Actor) => ({
  stream: event.stream,
  id,
  type: event.type,
  user_id: actor.userId,
  store_id: storeIdOf(event),
  session_id: actor.request.wsSessionId,
  subject_id: event.subjectId,
  order_status: event.order?.status ?? null,
  order_type: event.order?.type ?? null,
  order_created_by: event.order?.createdBy ?? null,
  rotates: rotatesKey(event) ? 1 : 0,
})

/** The rows as one JSON text; each event's data is put in as the text it already is. */
function inputOf(prepared: Prepared[], actor: Actor): string {
  const rows = prepared.map((one, index) => {
    const row = JSON.stringify({ ord: index, ...rowOf(one, actor), enc: one.enc })
    return `${row.slice(0, -1)},"data":${one.json}}`
  })
  return `[${rows.join(',')}]`
}

function numberEvents(prepared: Prepared[], actor: Actor, appended: AppendedStream[]): LoggedEvent[] {
  const byStream = new Map(appended.map((row) => [row.stream, row]))
  const left = new Map<string, number>()
  for (const { event } of prepared) left.set(event.stream, (left.get(event.stream) ?? 0) + 1)
  return prepared.map(({ event, id, json, enc }) => {
    const row = byStream.get(event.stream)
    const behind = (left.get(event.stream) ?? 0) - 1
    if (!row) throw new Error(`The log did not return stream ${event.stream}`)
    left.set(event.stream, behind)
    return {
      stream: event.stream,
      epoch: row.epoch,
      seq: row.lastSeq - behind,
      id,
      type: event.type,
      json,
      enc,
      timestamp: row.at,
      userId: actor.userId,
      storeId: storeIdOf(event),
      sessionId: actor.request.wsSessionId,
      subjectId: event.subjectId,
      orderStatus: event.order?.status ?? null,
      orderType: event.order?.type ?? null,
      orderCreatedBy: event.order?.createdBy ?? null,
    }
  })
}
