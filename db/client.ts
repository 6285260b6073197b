import { Database as Sqlite } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { SQL } from 'drizzle-orm'
import type { PgDatabase, PgQueryResultHKT, PgTransaction } from 'drizzle-orm/pg-core'
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite'
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator'
import { drizzle as drizzlePostgres } from 'drizzle-orm/postgres-js'
import { migrate as migratePostgres } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import * as schema from '~/db/schema'
import { abandon, watchDatabase } from '~/db/watch'
import type { Config } from '~/utils/config'
import { logger } from '~/utils/logger'

type Schema = typeof schema
export type Database = PgDatabase<PgQueryResultHKT, Schema>
export type Transaction = PgTransaction<PgQueryResultHKT, Schema, never> | Database

/**
 * The process's database; `openDatabase` sets it. Everything but the event helpers and migrations uses it through
 * Drizzle. Before it is open every use throws.
 */
export let db: Database = new Proxy({} as Database, {
  get() {
    throw new Error('The database is not open yet')
  },
})

export type OpenDatabase = {
  kind: 'embedded' | 'postgres'
  /** Runs `COPY … TO '/dev/blob'`; with the embedded database only. */
  copyOut(query: string): Promise<Blob>
  /** Resolves when the database answers; rejects with its error. */
  ping(): Promise<void>
  close(): Promise<void>
}

const migrations = { migrationsFolder: join(import.meta.dir, 'migrations') }
const drizzleOptions = { schema, casing: 'snake_case' } as const

/** A statement, a lock or an idle transaction never holds others longer than this. */
const timeouts = { statement_timeout: 15_000, lock_timeout: 5_000, idle_in_transaction_session_timeout: 20_000 }

/** Names the advisory lock under which one instance at a time migrates. */
const migrationLock = 7_460_331_927

/** Opens PostgreSQL when `databaseUrl` is set, else the embedded database in `dataDir`; brings the schema up to date. */
export async function openDatabase(config: Pick<Config, 'databaseUrl' | 'dataDir'>): Promise<OpenDatabase> {
  return config.databaseUrl ? openPostgres(config.databaseUrl) : openEmbedded(config.dataDir)
}

async function openPostgres(url: string): Promise<OpenDatabase> {
  await migrateUnderLock(url)
  let sql = connect(url)
  const use = () => {
    db = drizzlePostgres(preparing(sql), drizzleOptions)
  }
  use()
  const watch = watchDatabase(url, () => {
    logger.warn('the database is silent: its connections are given up')
    abandon(sql)
    sql = connect(url)
    use()
  })
  return {
    kind: 'postgres',
    copyOut: () => Promise.reject(new Error('Only the embedded database is copied out of')),
    ping: async () => {
      await sql`select 1`
    },
    close: async () => {
      await watch.stop()
      await sql.end({ timeout: 5 })
    },
  }
}

const connect = (url: string) =>
  postgres(url, {
    max: 10,
    connect_timeout: 5,
    // While something accepts TCP but PostgreSQL is away, the driver's own growing wait would outlast the outage.
    backoff: (attempt: number) => Math.min(0.1 * 2 ** attempt, 0.5),
    onnotice: () => {},
    connection: { application_name: 'zipzap', ...timeouts },
  })

/** Each prepared text takes memory in every backend, and PATCH bodies make many: what comes later is planned at each call. */
const maxPreparedTexts = 500

/**
 * Drizzle hands its statements to `unsafe` and says there that they are not to be prepared: each would take a second
 * round trip, and PostgreSQL would parse and plan it anew at every call. The texts are few, since values travel as
 * parameters.
 */
function preparing(sql: postgres.Sql): postgres.Sql {
  const texts = new Set<string>()
  const isPrepared = (text: string) => texts.has(text) || (texts.size < maxPreparedTexts && texts.add(text).size > 0)
  const begin = sql.begin.bind(sql) as (work: (tx: postgres.TransactionSql) => unknown) => Promise<unknown>
  const beginPrepared = (work: (tx: postgres.TransactionSql) => unknown) => begin((tx) => work(prepareUnsafe(tx, isPrepared)))
  return Object.assign(prepareUnsafe(sql, isPrepared), { begin: beginPrepared as typeof sql.begin })
}

function prepareUnsafe<S extends postgres.ISql>(sql: S, isPrepared: (text: string) => boolean): S {
  const unsafe = sql.unsafe.bind(sql)
  const prepared: typeof sql.unsafe = (text, parameters, options) => unsafe(text, parameters, { ...options, prepare: isPrepared(text) })
  return Object.assign(sql, { unsafe: prepared })
}

async function migrateUnderLock(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {}, connection: { application_name: 'zipzap-migrate' } })
  try {
    await sql`select pg_advisory_lock(${migrationLock})`
    await migratePostgres(drizzlePostgres(sql, drizzleOptions), migrations)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function openEmbedded(dataDir: string): Promise<OpenDatabase> {
  const inMemory = dataDir.startsWith('memory://')
  const unlock = inMemory ? () => {} : lockDirectory(dataDir)
  const client = await PGlite.create(inMemory ? dataDir : join(dataDir, 'pglite'))
  for (const [name, ms] of Object.entries(timeouts)) await client.exec(`set ${name} = ${ms}`)
  const embedded = drizzlePglite(client, drizzleOptions)
  await migratePglite(embedded, migrations)
  db = embedded
  return {
    kind: 'embedded',
    copyOut: async (query) => (await client.query(query)).blob ?? new Blob(),
    ping: async () => {
      await client.query('select 1')
    },
    close: async () => {
      await client.close()
      unlock()
    },
  }
}

export class DataDirectoryInUse extends Error {
  override name = 'DataDirectoryInUse'
}

/**
 * Holds an SQLite database exclusively as a lock: the operating system drops it with the process, also after kill -9,
 * and it works where process ids repeat (containers). Throws `DataDirectoryInUse` while another process holds it.
 */
function lockDirectory(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true })
  const lock = new Sqlite(join(dataDir, 'lock'))
  try {
    lock.run('pragma locking_mode = exclusive')
    lock.run('begin exclusive')
  } catch {
    lock.close()
    throw new DataDirectoryInUse(
      `${resolve(dataDir)} is in use by another ZipZap process; the embedded database serves one process (set DATABASE_URL for more)`,
    )
  }
  return () => lock.close()
}

/** The rows of a raw statement, which the two drivers return in different forms. The caller vouches for their shape. */
export async function rowsOf<Row>(tx: Transaction, statement: SQL): Promise<Row[]> {
  const result: unknown = await tx.execute(statement)
  return (Array.isArray(result) ? result : (result as { rows: unknown[] }).rows) as Row[]
}
