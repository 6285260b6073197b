import { Database as Sqlite } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PGlite, type Transaction as PGliteTransaction, type QueryOptions, types } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import { migrate } from 'drizzle-orm/pglite/migrator'
import { type Engine, migrations, timeouts } from '~/db/engine'
import { attachRunner, casing, causeFirst, type Database, type Runner, type Transact } from '~/db/session'

/** PostgreSQL inside this process, kept in a directory. It has one connection, hence one transaction at a time. */
export async function openEmbedded(dataDir: string, use: (database: Database) => void): Promise<Engine> {
  const inMemory = dataDir.startsWith('memory://')
  const unlock = inMemory ? () => {} : lockDirectory(dataDir)
  const client = await PGlite.create(inMemory ? dataDir : join(dataDir, 'pglite'))
  for (const [name, ms] of Object.entries(timeouts)) await client.exec(`set ${name} = ${ms}`)
  await migrate(drizzle(client, { casing }), migrations)
  use(databaseOver(client))
  return {
    kind: 'embedded',
    transact: transactionsOf(client),
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

type Queries = Pick<PGliteTransaction, 'query'>

/** One Drizzle serves all transactions in turn: it talks to whichever is open. */
function transactionsOf(client: PGlite): Transact {
  let open: PGliteTransaction | undefined
  const sent: Promise<unknown>[] = []
  const tx = databaseOver({ query: (...query) => (open ? open.query(...query) : Promise.reject(new Error('No transaction is open'))) }, sent)
  return (mode, _lane, work) =>
    client.transaction(async (transaction) => {
      open = transaction
      try {
        if (mode) await transaction.exec(`set transaction ${mode}`)
        const result = await causeFirst(work(tx), sent)
        await Promise.all(sent)
        return result
      } finally {
        sent.length = 0
        open = undefined
      }
    })
}

const asText = (value: string) => value
/** Columns as Drizzle decodes them: times stay text. */
const inArrays: QueryOptions = { rowMode: 'array', parsers: { [types.TIMESTAMPTZ]: asText } }

/** With `sent`, for transactions: what was sent ahead is collected there. */
function databaseOver(queries: Queries, sent?: Promise<unknown>[]): Database {
  const run: Runner['run'] = async (text, parameters) => (await queries.query<unknown[]>(text, parameters, inArrays)).rows
  const send = (text: string, parameters: unknown[]) => {
    const sending = run(text, parameters)
    sending.catch(() => {})
    sent?.push(sending)
  }
  return attachRunner(drizzle(asClient(queries), { casing }), { run, ...(sent && { within: { runLast: run, send } }) })
}

/** Drizzle uses nothing else of its client, as long as nobody opens a transaction through Drizzle itself. */
const asClient = (queries: Queries) => queries as PGlite

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
