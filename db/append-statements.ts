import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import { type KeptValues, keepAnswerSql } from '~/db/idempotency'
import { Statement, slot } from '~/db/statement'
import type { StreamName } from '~/utils/contracts/logged-event'

/** The append in SQL: of one event or of several, with an order's number to be put in, with an answer to be kept. */

export type AppendedStream = { stream: StreamName; epoch: string; lastSeq: number; at: string; orderNumber: number | null }

/** What the log keeps of an event beside its data; `rotates` counts up the generation of the stream's key. */
export type EventRow = {
  stream: StreamName
  id: string
  type: string
  user_id: string
  store_id: string | null
  session_id: string | null
  subject_id: string
  order_status: string | null
  order_type: string | null
  order_created_by: string | null
  rotates: number
}

/** The order whose number is put in, and what stands for it until then. */
type NumberValues = { orderId: string; placeholder: string }
/** What some appends have besides. */
export type Extras = Partial<KeptValues & NumberValues>
type One = EventRow & { data: string; enc: string | null; epoch: string } & Extras
/** `input`: the rows with their data, as one JSON text. */
type Many = { input: string; epoch: string } & Extras

/** What stands in the statement only when the order's number is to be put in. */
type Numbering = { source: SQL; fill(text: SQLWrapper): SQL; found: SQL }

const unnumbered: Numbering = { source: sql``, fill: (text) => sql`${text}`, found: sql`null` }
const numbered: Numbering = {
  source: sql`numbered as (select order_number from orders where id = ${slot('orderId')}::uuid), `,
  // Without a number there is no JSON, which fails the transaction: several events would else be none.
  fill: (text) => sql`coalesce(replace(${text}, ${slot('placeholder')}, (select order_number::text from numbered)), '')`,
  found: sql`(select order_number::float8 from numbered)`,
}

export const isoFormat = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'

const columns = sql.raw('id, type, data, enc, user_id, store_id, session_id, subject_id, order_status, order_type, order_created_by')

const selectAppended = ({ found }: Numbering) => sql`
    select stream, epoch, last_seq::float8, to_char(now() at time zone 'UTC', ${sql.raw(`'${isoFormat}'`)}), ${found} from advanced`

/** Nearly all writes log one event: without JSON to take apart and rows to count this costs PostgreSQL half as much. */
const appendOneSql = (number: Numbering, kept: SQL) => sql`
    with ${number.source}advanced as (
      insert into streams (stream, epoch, last_seq, key_generation) values (${slot('stream')}, ${slot('epoch')}, 1, ${slot('rotates')}::int)
      on conflict (stream) do update set last_seq = streams.last_seq + 1, key_generation = streams.key_generation + excluded.key_generation
      returning stream, epoch, last_seq
    ), logged as (
      insert into events (stream, seq, ${columns})
      select stream, last_seq, ${slot('id')}::uuid, ${slot('type')}, ${number.fill(slot('data'))}::json, ${slot('enc')}::json, ${slot('user_id')}::uuid,
        ${slot('store_id')}::uuid, ${slot('session_id')}, ${slot('subject_id')}::uuid, ${slot('order_status')}, ${slot('order_type')},
        ${slot('order_created_by')}::uuid
      from advanced
    )${kept}${selectAppended(number)}`

const appendManySql = (number: Numbering, kept: SQL) => sql`
    with ${number.source}input as (
      select * from json_to_recordset(${number.fill(slot('input'))}::json) as e(ord int, stream text, id uuid, type text, data json, enc json,
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
    )${kept}${selectAppended(number)}`

const toAppended = ([stream, epoch, lastSeq, at, orderNumber]: unknown[]) => ({ stream, epoch, lastSeq, at, orderNumber }) as AppendedStream

/** Four statements, each made when it is first needed. */
function choiceOf<V extends Many | One>(appendSql: (number: Numbering, kept: SQL) => SQL): (values: V) => Statement<V, AppendedStream> {
  const statementOf = (number: Numbering, kept: SQL) => new Statement<V, AppendedStream>(() => appendSql(number, kept), toAppended)
  const of = (number: Numbering) => ({ plain: statementOf(number, sql``), keeping: statementOf(number, keepAnswerSql(number.fill(slot('answer')))) })
  const [plain, withNumber] = [of(unnumbered), of(numbered)]
  return (values) => (values.placeholder === undefined ? plain : withNumber)[values.answer === undefined ? 'plain' : 'keeping']
}

/** The statement that these values are for. */
export const appendOneFor = choiceOf<One>(appendOneSql)
export const appendManyFor = choiceOf<Many>(appendManySql)
