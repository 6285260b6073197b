import { type SQL, sql } from 'drizzle-orm'
import { observer } from '~/db/client'
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

const isAnotherLog = sql`(${originSql}) is distinct from (select origin from log_origin where id = 1)`

/** Not permitted, or not there: a hosted PostgreSQL may keep its identity to itself. */
const unreadable = new Set(['42501', '42883', '0A000'])
let isReadable = true

/**
 * A question that asks along whether this is not the database in which the log was written. Where the identity cannot be
 * read, it is never another.
 */
export function alongWithOrigin<V extends Record<string, unknown>, Row>(
  make: (isAnotherLog: SQL) => Statement<V, Row>,
): (values: V) => Promise<Row[]> {
  const [asking, unasking] = [make(isAnotherLog), make(sql`false`)]
  return async (values) => {
    if (!isReadable) return unasking.run(observer, values)
    try {
      return await asking.run(observer, values)
    } catch (error) {
      if (!unreadable.has(sqlState(error).code ?? '')) throw error
      isReadable = false
      logger.warn({ err: error }, 'the identity of the database cannot be read: after a restore, renew the epochs by hand')
      return unasking.run(observer, values)
    }
  }
}

const askOrigin = alongWithOrigin<Record<never, never>, boolean>(
  (isAnother) =>
    new Statement(
      () => sql`select ${isAnother}`,
      ([found]) => found as boolean,
    ),
)

type Log = { before: string | null; now: string }

/** Gives every stream a new epoch when this is not the database in which the log was written. Answers whether it did. */
export async function renewEpochsAfterRestore(): Promise<boolean> {
  const [isAnother] = await askOrigin({})
  if (!isAnother) return false
  return inTransaction(async (tx) => {
    await holdWriters(tx)
    // Another instance may have been first.
    const [log] = await rowsOf<Log>(tx, sql`select (select origin from log_origin where id = 1) as before, ${originSql} as now`)
    if (!log || log.before === log.now) return false
    const isFirst = log.before === null
    if (!isFirst) await renew(tx)
    await rememberOrigin(tx)
    if (!isFirst) logger.warn(log, 'the database is another one: every stream has a new epoch')
    return !isFirst
  })
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
