import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { type Engine, migrations, timeouts, type Use } from '~/db/engine'
import { databaseOver, preparedTexts, rowsAsked } from '~/db/prepared'
import { casing } from '~/db/session'
import { TransactionPool } from '~/db/transaction-pool'
import { abandon, watchDatabase } from '~/db/watch'
import { logger } from '~/utils/logger'

/** Names the advisory lock under which one instance at a time migrates. */
const migrationLock = 7_460_331_927
/** Connections for single statements, and for transactions; one to watch and one to listen join them. */
const maxReaders = 6
const maxWriters = 8

/** PostgreSQL over postgres.js; brings the schema up to date. */
export async function openPostgres(url: string, use: Use): Promise<Engine> {
  await migrateUnderLock(url)
  const isPrepared = preparedTexts()
  const open = () => {
    const sql = connect(url, maxReaders)
    use({ db: databaseOver(sql, isPrepared, (ask) => ({ run: (text, parameters) => rowsAsked(ask(text, parameters)) })) })
    return sql
  }
  let readers = open()
  const writers = new TransactionPool(maxWriters, (onClose) => connect(url, 1, onClose), isPrepared)
  const watch = watchDatabase(url, {
    isPrepared,
    use: (observer) => use({ observer }),
    onSilent() {
      logger.warn('the database is silent: its connections are given up')
      abandon(readers)
      readers = open()
      writers.abandon()
    },
  })
  return {
    kind: 'postgres',
    transact: (mode, lane, work) => writers.transact(mode, lane, work),
    copyOut: () => Promise.reject(new Error('Only the embedded database is copied out of')),
    ping: async () => {
      await readers`select 1`
    },
    close: async () => {
      await watch.stop()
      await Promise.all([writers.close(), readers.end({ timeout: 5 })])
    },
  }
}

function connect(url: string, max: number, onClose: () => void = () => {}): postgres.Sql {
  return postgres(url, {
    max,
    connect_timeout: 5,
    // Where the driver ended connections by their age, it would do so between two statements of a transaction.
    max_lifetime: null,
    // While something accepts TCP but PostgreSQL is away, the driver's own growing wait would outlast the outage.
    backoff: (attempt: number) => Math.min(0.1 * 2 ** attempt, 0.5),
    onnotice: () => {},
    // Asked for by the driver at each connection, with nobody to hear of a failure; no array is sent or read here.
    fetch_types: false,
    onclose: onClose,
    connection: { application_name: 'zipzap', ...timeouts },
  })
}

async function migrateUnderLock(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {}, connection: { application_name: 'zipzap-migrate' } })
  try {
    await sql`select pg_advisory_lock(${migrationLock})`
    await migrate(drizzle(sql, { casing }), migrations)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
