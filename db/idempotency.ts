import { type SQL, sql } from 'drizzle-orm'
import { rowsOf, type Transaction } from '~/db/client'
import type { IdempotencyRequest } from '~/utils/actor'
import { conflict, idempotencyKeyReused } from '~/utils/errors'
import { sqlState } from '~/utils/sql-state'

/**
 * Idempotency keys (draft-ietf-httpapi-idempotency-key-header): the key's row lives and dies with the write's own
 * transaction, so a write happens once across instances and crashes, and a failed one frees its key.
 */

export type KeptAnswer = { answer: unknown; position: string | null }

type KeyRow = { body_hash: string; answer: unknown; position: string | null }

/**
 * Claims a key, waiting for a running write under it. Null: the caller goes on with its write. Otherwise the kept
 * answer. Throws 422 `idempotency_key_reused` for another body, 409 `idempotency_in_progress` when the wait was too long.
 */
export async function claimIdempotencyKey(tx: Transaction, userId: string, request: IdempotencyRequest): Promise<KeptAnswer | null> {
  const claimed = await rowsOf(
    tx,
    sql`insert into idempotency_keys as k (user_id, path, key, body_hash) values (${userId}, ${request.path}, ${request.key}, ${request.bodyHash})
    on conflict (user_id, path, key) do update set body_hash = excluded.body_hash, answer = null, position = null, subject_id = null, created_at = now()
      where k.created_at < now() - interval '24 hours'
    returning 1`,
  ).catch((error: unknown) => {
    if (sqlState(error).code === '55P03') throw conflict('idempotency_in_progress', 'The first request with this key is still running')
    throw error
  })
  if (claimed.length > 0) return null
  const [row] = await rowsOf<KeyRow>(
    tx,
    sql`select body_hash, answer, position from idempotency_keys where user_id = ${userId} and path = ${request.path} and key = ${request.key}`,
  )
  if (!row) throw conflict('idempotency_in_progress', 'The first request with this key is still running')
  if (row.body_hash !== request.bodyHash) throw idempotencyKeyReused()
  return { answer: row.answer, position: row.position }
}

type Answer = IdempotencyRequest & { data: object }

/** Keeps the answer of a write that logged nothing, under the key claimed in the same transaction. */
export async function keepAnswer(tx: Transaction, userId: string, answer: Answer): Promise<void> {
  await tx.execute(updateKey(userId, answer, sql`null`))
}

/** A part of the append: keeps the answer together with the position that the append itself finds (`advanced`). */
export const keepAnswerSql = (userId: string, answer: Answer) => sql`, kept as (
      ${updateKey(userId, answer, sql`(select string_agg(stream || '=' || epoch || ':' || last_seq, ', ' order by stream) from advanced)`)}
    )`

function updateKey(userId: string, answer: Answer, position: SQL): SQL {
  const subjectId = 'id' in answer.data && typeof answer.data.id === 'string' ? answer.data.id : null
  return sql`update idempotency_keys set answer = ${JSON.stringify(answer.data)}::json, position = ${position}, subject_id = ${subjectId}
      where user_id = ${userId} and path = ${answer.path} and key = ${answer.key}`
}
