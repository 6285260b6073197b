import { sql } from 'drizzle-orm'
import { type AppendedStream, appendManyFor, appendOneFor, type EventRow, type Extras } from '~/db/append-statements'
import { keptValues } from '~/db/idempotency'
import { rowsOf, type Transaction } from '~/db/session'
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
  /** The number of the order that the data names, where it is not known yet. */
  pendingNumber?: PendingNumber | undefined
}

/**
 * The number of an order that was sent ahead to be inserted, and takes its number there: the store's other orders need not wait
 * while this one is being made.
 */
export type PendingNumber = {
  orderId: string
  /** Stands for the number in the events' data and in the answer; nothing that a client sent can be equal. */
  placeholder: number
  /** Told the number when it is known. */
  settle(orderNumber: number): void
}

export type Answer = IdempotencyRequest & { data: object }

/** An event with its id and the text of its data, sealed where its type asks for that. */
type Prepared = { event: NewEvent; id: string; json: string; enc: Enc | null }

/**
 * Appends to all streams in one statement, streams in sorted order so that two writers cannot wait for each other, and
 * keeps the answer of an idempotent write with its position. It is the transaction's last statement: COMMIT goes with it.
 */
export async function appendEvents(tx: Transaction, actor: Actor, emitted: NewEvent[], answer: Answer | null): Promise<LoggedEvent[]> {
  const startedAt = performance.now()
  const pending = emitted.find(({ pendingNumber }) => pendingNumber)?.pendingNumber
  const prepared = await prepare(tx, emitted)
  const appended = await appendPrepared(tx, prepared, actor, {
    ...(answer && keptValues(actor.userId, answer)),
    ...(pending && { orderId: pending.orderId, placeholder: String(pending.placeholder) }),
  })
  metrics.appendSeconds.observe((performance.now() - startedAt) / 1000)
  const events = numberEvents(prepared, actor, appended)
  if (pending) settle(pending, events, appended)
  return events
}

/** What the append has put into the log and the kept answer is put in here as well. */
function settle(pending: PendingNumber, events: LoggedEvent[], [row]: AppendedStream[]): void {
  const orderNumber = row?.orderNumber
  if (!orderNumber) throw new Error(`The order ${pending.orderId} has no number`)
  for (const event of events) event.json = event.json.replaceAll(String(pending.placeholder), String(orderNumber))
  pending.settle(orderNumber)
}

function appendPrepared(tx: Transaction, prepared: Prepared[], actor: Actor, extras: Extras): Promise<AppendedStream[]> {
  const [first] = prepared
  if (first && prepared.length === 1) {
    const values = { ...rowOf(first, actor), data: first.json, enc: first.enc && JSON.stringify(first.enc), epoch: newEpoch(), ...extras }
    return appendOneFor(values).runLast(tx, values)
  }
  const values = { input: inputOf(prepared, actor), epoch: newEpoch(), ...extras }
  return appendManyFor(values).runLast(tx, values)
}

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
    if (event.pendingNumber) throw new Error('What is sealed cannot be given its number later')
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

const rowOf = ({ event, id }: Prepared, actor: Actor): EventRow => ({
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
