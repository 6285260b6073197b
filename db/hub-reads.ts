import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { rowsOf } from '~/db/session'
import { Statement, slot } from '~/db/statement'
import type { Role } from '~/utils/contracts/common'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import type { OrderStatus } from '~/utils/contracts/order-document'

/** What the hub reads before a subscription begins. */

export type StreamStart = { stream: StreamName; epoch: string; seq: number; prunedSeq: number; keyGeneration: number }
export type DevicePosition = { stream: StreamName; epoch: string; seq: number }

export type SubscriptionStart = {
  /** The user's role in the store; null for a stranger, or without a store. */
  role: Role | null
  streams: StreamStart[]
  /** Where this device had acknowledged these streams. */
  positions: DevicePosition[]
}

export type SubscriptionQuestion = { userId: string; storeId: string | null; deviceId: string | null; streams: StreamName[] }

/**
 * For each question membership, stream heads and the device's positions, all in one statement, hence one snapshot:
 * whatever changes the membership later has a higher seq than the head, and the hub will meet it in the stream.
 */
export async function readSubscriptionStarts(questions: SubscriptionQuestion[]): Promise<SubscriptionStart[]> {
  const numbered = questions.map((question, number) => ({ number, ...question }))
  const rows = await selectStarts.run(db, { questions: JSON.stringify(numbered) })
  const starts = new Map(rows.map(({ number, role, streams, positions }) => [number, { role, streams: streams ?? [], positions: positions ?? [] }]))
  return questions.map((_, number) => starts.get(number) ?? { role: null, streams: [], positions: [] })
}

type StartRow = { number: number; role: Role | null; streams: StreamStart[] | null; positions: DevicePosition[] | null }

const names = sql`(select value from json_array_elements_text(q.streams))`

const selectStarts = new Statement<{ questions: string }, StartRow>(
  () => sql`
    select q.number,
      (select role from members where store_id = q."storeId" and user_id = q."userId") as role,
      (select json_agg(json_build_object('stream', stream, 'epoch', epoch, 'seq', last_seq, 'prunedSeq', pruned_seq, 'keyGeneration', key_generation)) from streams where stream in ${names}) as streams,
      (select json_agg(json_build_object('stream', stream, 'epoch', epoch, 'seq', seq)) from device_positions
        where user_id = q."userId" and device_id = q."deviceId" and stream in ${names}) as positions
    from json_to_recordset(${slot('questions')}::json) as q(number int, "userId" uuid, "storeId" uuid, "deviceId" text, streams json)`,
  ([number, role, streams, positions]) => ({ number, role, streams, positions }) as StartRow,
)

export type TrackedStart = {
  orderId: string
  storeId: string
  orderNumber: string
  status: OrderStatus
  epoch: string
  seq: number
  keyGeneration: number
}

/** The order of a tracking token with the head of its store's stream, in one snapshot; null for a wrong token. */
export async function readTrackedStart(trackingToken: string): Promise<TrackedStart | null> {
  const [row] = await rowsOf<TrackedStart>(
    db,
    sql`select o.id as "orderId", o.store_id as "storeId", o.order_number::text as "orderNumber", o.status, s.epoch, s.last_seq::float8 as seq, s.key_generation as "keyGeneration"
    from orders o join streams s on s.stream = 'store:' || o.store_id where o.tracking_token = ${trackingToken}`,
  )
  return row ?? null
}

/**
 * The events of a range with everything that roles and filters ask about them, but without their data (`json` is empty),
 * save for membership changes. For counting before a replay; at most one row an event.
 */
export async function readEventFacts(stream: StreamName, after: number, upTo: number): Promise<LoggedEvent[]> {
  const rows = await rowsOf<Pick<LoggedEvent, 'seq' | 'type' | 'json' | 'subjectId' | 'storeId' | 'orderStatus' | 'orderType' | 'orderCreatedBy'>>(
    db,
    sql`select seq::float8 as seq, type, subject_id as "subjectId", store_id as "storeId",
      order_status as "orderStatus", order_type as "orderType", order_created_by as "orderCreatedBy",
      case when type = 'store_updated' and subject_id <> store_id then data::text else '' end as json
    from events where stream = ${stream} and seq > ${after} and seq <= ${upTo} order by seq`,
  )
  return rows.map((row) => ({ ...row, stream, enc: null, epoch: '', id: '', timestamp: '', userId: null, sessionId: null }))
}

/** Keeps acknowledged positions; a position never moves back within an epoch. */
export async function saveDevicePositions(positions: (DevicePosition & { userId: string; deviceId: string })[]): Promise<void> {
  await db.execute(
    sql`insert into device_positions (user_id, device_id, stream, epoch, seq)
    select "userId", "deviceId", stream, epoch, seq
    from json_to_recordset(${JSON.stringify(positions)}::json) as p("userId" uuid, "deviceId" text, stream text, epoch text, seq bigint)
    on conflict (user_id, device_id, stream) do update set epoch = excluded.epoch, updated_at = now(),
      seq = case when device_positions.epoch = excluded.epoch then greatest(device_positions.seq, excluded.seq) else excluded.seq end`,
  )
}
