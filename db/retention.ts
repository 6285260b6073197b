import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { passwordResets, sessions, signInFailures, tickets } from '~/db/schema'
import { rowsOf } from '~/db/session'
import { inTransaction } from '~/db/transaction'

/**
 * Removes what is kept for a time only, in small batches, so that no lock is held for long. Every instance runs it;
 * whoever comes second in a round finds the advisory lock taken and leaves the work to the first.
 */

export const batchSize = 1000

/** Names the advisory lock of the round. */
const retentionLock = 7_460_331_928

/**
 * An event's time is the start of its transaction, its number the order of the commits: within a stream the two may
 * differ by the length of a transaction. So much longer than promised everything is kept.
 */
const marginSeconds = 60

/** Removes everything expired; of the events until none are left, or another instance is at it. */
export async function removeExpiredRows(retentionHours: number): Promise<void> {
  while ((await removeExpiredEvents(retentionHours)) === batchSize);
  while ((await removeExpiredKeys()) === batchSize);
  await removeExpiredIdentityRows()
}

/**
 * Removes one batch of events older than `hours` and answers how many. Of each stream a prefix goes, up to its newest
 * expired event, never one from between, and `prunedSeq` says so from the same commit on.
 */
export function removeExpiredEvents(hours: number): Promise<number> {
  return inTransaction(async (tx) => {
    const [lock] = await rowsOf<{ taken: boolean }>(tx, sql`select pg_try_advisory_xact_lock(${retentionLock}) as taken`)
    if (!lock?.taken) return 0
    const removed = await rowsOf<{ stream: string; upto: number; n: number }>(
      tx,
      sql`
      with oldest as (
        select stream, seq from events where at < now() - make_interval(hours => ${hours}, secs => ${marginSeconds}) order by at limit ${batchSize}
      ), expired as (
        select stream, max(seq) as upto from oldest group by stream
      ), doomed as (
        select e.stream, e.seq from expired join events e on e.stream = expired.stream and e.seq <= expired.upto
        order by e.stream, e.seq limit ${batchSize}
      ), deleted as (
        delete from events e using doomed where e.stream = doomed.stream and e.seq = doomed.seq returning e.stream, e.seq
      )
      select stream, max(seq)::float8 as upto, count(*)::int as n from deleted group by stream`,
    )
    if (removed.length === 0) return 0
    // Last, and in the order in which writers lock them: a writer never waits for the deletion, nor in a circle.
    await tx.execute(sql`
      with pruned as (
        select p.stream, p.upto from json_to_recordset(${JSON.stringify(removed)}::json) as p(stream text, upto bigint)
      ), locked as (
        select stream from streams where stream in (select stream from pruned) order by stream for update
      )
      update streams s set pruned_seq = greatest(s.pruned_seq, pruned.upto) from pruned join locked using (stream) where s.stream = pruned.stream`)
    return removed.reduce((sum, stream) => sum + stream.n, 0)
  })
}

/** Removes one batch of idempotency keys older than 24 hours and answers how many; one in use is left alone. */
export async function removeExpiredKeys(): Promise<number> {
  const removed = await rowsOf(
    db,
    sql`delete from idempotency_keys k using (
        select user_id, path, key from idempotency_keys where created_at < now() - interval '24 hours'
        order by created_at limit ${batchSize} for update skip locked
      ) old
      where k.user_id = old.user_id and k.path = old.path and k.key = old.key returning 1`,
  )
  return removed.length
}

/**
 * Removes what identity no longer needs: dead tickets and links to a new password, failed sign-ins past their window, and sessions that ended or
 * ran out more than 30 days ago. For a timer; any number of instances may run it at once.
 */
export async function removeExpiredIdentityRows(): Promise<void> {
  await db.delete(signInFailures).where(sql`${signInFailures.at} < now() - interval '1 hour'`)
  await db.delete(tickets).where(sql`${tickets.expiresAt} < now()`)
  await db.delete(passwordResets).where(sql`${passwordResets.expiresAt} < now()`)
  const longDead = sql`select ${sessions.id} from ${sessions} where
    ${sessions.endedAt} < now() - interval '30 days' or ${sessions.expiresAt} < now() - interval '30 days'
    or (${sessions.expiresAt} is not null and ${sessions.lastUsedAt} < now() - interval '14 days' - interval '30 days')`
  await inTransaction(async (tx) => {
    await tx.delete(tickets).where(sql`${tickets.sessionId} in (${longDead})`)
    await tx.delete(sessions).where(sql`${sessions.id} in (${longDead})`)
  })
}
