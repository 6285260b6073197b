import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { rowsOf, type Transaction } from '~/db/session'
import { Statement } from '~/db/statement'
import { inTransaction } from '~/db/transaction'
import { logger } from '~/utils/logger'
import { sqlState } from '~/utils/sql-state'

/**
 * A position is worth something only in the log it was read from. After a restore or a failover to a standby that lagged,
 * numbers are given again with other contents; every stream must get another epoch then, so that clients reload.
 *
 * What tells such a database from the one before: the cluster's identity, its timeline (a promotion and a recovery to a
 * point in time begin a new one), and the table itself (a logical restore makes it anew). A copy of the data directory put
 * back in place changes none of these: whoever does that runs `bun run db:renew-epochs`.
 */
const originSql = sql`(select system_identifier::text from pg_control_system()) || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
  || '.' || (select oid from pg_database where datname = current_database()) || '.' || 'streams'::regclass::oid`

/** Not permitted, or not there: a hosted PostgreSQL may keep its identity to itself. */
const unreadable = new Set(['42501', '42883', '0A000'])
let isReadable = true

/** Gives every stream a new epoch when this is not the database in which the log was written. Answers whether it did. */
export async function renewEpochsAfterRestore(): Promise<boolean> {
  const found = isReadable ? await readOrigin() : null
  if (!found || found.origin === found.known) return false
  return inTransaction(async (tx) => {
    await holdWriters(tx)
    const [before] = await rowsOf<{ origin: string }>(tx, sql`select origin from log_origin where id = 1`)
    if (before?.origin === found.origin) return false
    const isFirst = !before
    if (!isFirst) await renew(tx)
    await rememberOrigin(tx)
    if (!isFirst) logger.warn({ before: before.origin, now: found.origin }, 'the database is another one: every stream has a new epoch')
    return !isFirst
  })
}

type Origin = { origin: string; known: string | null }

const selectOrigin = new Statement<Record<never, never>, Origin>(
  () => sql`select ${originSql}, (select origin from log_origin where id = 1)`,
  ([origin, known]) => ({ origin, known }) as Origin,
)

async function readOrigin(): Promise<Origin | null> {
  try {
    const [found] = await selectOrigin.run(db, {})
    return found ?? null
  } catch (error) {
    if (!unreadable.has(sqlState(error).code ?? '')) throw error
    isReadable = false
    logger.warn({ err: error }, 'the identity of the database cannot be read: after a restore, renew the epochs by hand')
    return null
  }
}

/** Gives every stream a new epoch: clients reload instead of going on. Answers how many there are. */
export function renewEpochs(): Promise<number> {
  return inTransaction(async (tx) => {
    await holdWriters(tx)
    return renew(tx)
  })
}

/** Nobody appends in the meantime; readers go on. */
const holdWriters = (tx: Transaction) => tx.execute(sql`lock table streams in share row exclusive mode`)

async function renew(tx: Transaction): Promise<number> {
  const renewed = await rowsOf(tx, sql`update streams set epoch = left(md5(gen_random_uuid()::text), 16) returning 1`)
  return renewed.length
}

const rememberOrigin = (tx: Transaction) =>
  tx.execute(
    sql`insert into log_origin (id, origin) values (1, ${originSql}) on conflict (id) do update set origin = excluded.origin, created_at = now()`,
  )
