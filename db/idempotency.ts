import { type SQL, sql } from 'drizzle-orm'
import { rowsOf, type Transaction } from '~/db/session'
import { Statement, slot } from '~/db/statement'
import type { IdempotencyRequest } from '~/utils/actor'
import { conflict, idempotencyKeyReused } from '~/utils/errors'
import { sqlState } from '~/utils/sql-state'

/**
 * Idempotency keys (draft-ietf-httpapi-idempotency-key-header): the key's row lives and dies with the write's own
 * transaction, so a write happens once across instances and crashes, and a failed one frees its key.
 */

export type KeptAnswer = { answer: unknown; position: string | null }

type KeyRow = { body_hash: string; answer: unknown; position: string | null }

type Claim = { userId: string; path: string; key: string; bodyHash: string }

const claim = new Statement<Claim, true>(
  () => sql`
    insert into idempotency_keys as k (user_id, path, key, body_hash)
    values (${slot('userId')}, ${slot('path')}, ${slot('key')}, ${slot('bodyHash')})
    on conflict (user_id, path, key) do update set body_hash = excluded.body_hash, answer = null, position = null, created_at = now()
      where k.created_at < now() - interval '24 hours'
    returning 1`,
  () => true,
)

/**
 * Claims a key, waiting for a running write under it. Null: the caller goes on with its write. Otherwise the kept
 * answer. Throws 422 `idempotency_key_reused` for another body, 409 `idempotency_in_progress` when the wait was too long.
 */
export async function claimIdempotencyKey(tx: Transaction, userId: string, request: IdempotencyRequest): Promise<KeptAnswer | null> {
  const { path, key, bodyHash } = request
  const claimed = await claim.run(tx, { userId, path, key, bodyHash }).catch((error: unknown) => {
    if (sqlState(error).code === '55P03') throw conflict('idempotency_in_progress', 'The first request with this key is still running')
    throw error
  })
  if (claimed.length > 0) return null
  const [row] = await rowsOf<KeyRow>(
    tx,
    sql`select body_hash, answer, position from idempotency_keys where user_id = ${userId} and path = ${path} and key = ${key}`,
  )
  if (!row) throw conflict('idempotency_in_progress', 'The first request with this key is still running')
  if (row.body_hash !== bodyHash) throw idempotencyKeyReused()
  return { answer: row.answer, position: row.position }
}

type Answer = IdempotencyRequest & { data: object }

/** Keeps the answer of a write that logged nothing, under the key claimed in the same transaction. */
export async function keepAnswer(tx: Transaction, userId: string, answer: Answer): Promise<void> {
  await keep.run(tx, keptValues(userId, answer))
}

export type KeptValues = ReturnType<typeof keptValues>

/** The values of `keepAnswerSql`. */
export const keptValues = (userId: string, { path, key, data }: Answer) => ({
  userId,
  path,
  key,
  answer: JSON.stringify(data),
})

const keptUnder = sql`where user_id = ${slot('userId')} and path = ${slot('path')} and key = ${slot('key')}`

const updateKey = (answer: SQL, position: SQL) => sql`update idempotency_keys set answer = ${answer}::json, position = ${position} ${keptUnder}`

const keep = new Statement<KeptValues, void>(
  () => updateKey(sql`${slot('answer')}`, sql`null`),
  () => {},
)

/** A part of the append: keeps the answer, whose text `answer` makes, together with the position that the append itself finds (`advanced`). */
export const keepAnswerSql = (answer: SQL) => sql`, kept as (
      ${updateKey(answer, sql`(select string_agg(stream || '=' || epoch || ':' || last_seq, ', ' order by stream) from advanced)`)}
    )`
