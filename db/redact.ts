import { sql } from 'drizzle-orm'
import { rowsOf, type Transaction } from '~/db/session'
import type { Enc, StreamName } from '~/utils/contracts/logged-event'
import { canOpen, generationOf, open, seal } from '~/utils/sealing'

/**
 * Takes a person out of what was kept for delivery and replay. These are the only statements that change a logged event:
 * its position, id and type stay, so that readers of the log miss nothing.
 */

/**
 * Replaces the data of a stream's events that tell of `id` or mention it. Events whose key is gone stay as they are:
 * nobody can read the person in them.
 */
export async function redactEvents(tx: Transaction, stream: StreamName, id: string, redact: (data: unknown) => unknown): Promise<void> {
  const rows = await rowsOf<{ seq: number; id: string; type: string; json: string; enc: Enc | null }>(
    tx,
    sql`select seq::float8 as seq, id, type, data::text as json, enc from events
    where stream = ${stream} and (subject_id = ${id} or position(${id} in data::text) > 0) order by seq for update`,
  )
  const readable = rows.filter(({ enc }) => !enc || canOpen(enc))
  const redacted = readable.map(({ seq, id, type, json, enc }) => {
    const bound = { stream, id, type }
    const data = JSON.stringify(redact(JSON.parse(enc ? open(bound, enc, json) : json)))
    const sealed = enc ? seal(bound, generationOf(enc.kid), data) : { json: data, enc: null }
    return { seq, data: JSON.parse(sealed.json) as unknown, enc: sealed.enc }
  })
  await tx.execute(sql`update events e set data = r.data, enc = r.enc
    from json_to_recordset(${JSON.stringify(redacted)}::json) as r(seq bigint, data json, enc json) where e.stream = ${stream} and e.seq = r.seq`)
}

/**
 * Replaces the answers kept for idempotent writes of a store that mention `id`. They are searched for it: an order that
 * has another customer by now tells of the one before in nothing but its answer, when the log has been pruned.
 */
export async function redactAnswers(tx: Transaction, storeId: string, id: string, redact: (answer: unknown) => unknown): Promise<void> {
  const rows = await rowsOf<{ user_id: string; path: string; key: string; answer: unknown }>(
    tx,
    sql`select user_id, path, key, answer from idempotency_keys
    where starts_with(path, ${`/api/v1/stores/${storeId}/`}) and position(${id} in answer::text) > 0 order by user_id, path, key for update`,
  )
  const redacted = rows.map((row) => ({ ...row, answer: redact(row.answer) }))
  await tx.execute(sql`update idempotency_keys k set answer = r.answer
    from json_to_recordset(${JSON.stringify(redacted)}::json) as r(user_id uuid, path text, key text, answer json)
    where k.user_id = r.user_id and k.path = r.path and k.key = r.key`)
}
