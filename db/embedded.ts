import { join } from 'node:path'
import { Mutex, PGlite, type QueryOptions } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import { migrate } from 'drizzle-orm/pglite/migrator'
import { lockDirectory } from '~/db/data-directory'
import { EmbeddedConnection } from '~/db/embedded-connection'
import { compileEmbedded } from '~/db/embedded-module'
import { type Engine, migrations, timeouts, type Use } from '~/db/engine'
import { attachRunner, casing, type Database, faultAhead, type Runner, type Transact } from '~/db/session'

/** PostgreSQL inside this process, kept in a directory. It has one connection, hence one transaction at a time. */
export async function openEmbedded(dataDir: string, use: Use): Promise<Engine> {
  const inMemory = dataDir.startsWith('memory://')
  const unlock = inMemory ? () => {} : lockDirectory(dataDir)
  const client = await PGlite.create(inMemory ? dataDir : join(dataDir, 'pglite'), { pgliteWasmModule: await compileEmbedded() })
  for (const [name, ms] of Object.entries(timeouts)) await client.exec(`set ${name} = ${ms}`)
  // A sample of 3,000 rows a table: an analysis holds up everything else.
  await client.exec('set default_statistics_target = 10')
  await migrate(drizzle(client, { casing }), migrations)
  const connection = new EmbeddedConnection(client)
  const turns = new Mutex()
  const inTurn: InTurn = (work) =>
    turns.runExclusive(async () => {
      connection.tend()
      const result = await work()
      await client.syncToFs()
      return result
    })
  const db = databaseOver(connection, (query) => inTurn(async () => query()))
  use({ db, observer: db })
  return {
    kind: 'embedded',
    transact: transactionsOf(connection, inTurn),
    copyOut: (query) => inTurn(async () => (await client.query(query)).blob ?? new Blob()),
    ping: () => inTurn(async () => void connection.command('select 1')),
    close: async () => {
      await client.close()
      unlock()
    },
  }
}

/** Runs a statement or a transaction when nothing else runs. */
type InTurn = <T>(work: () => Promise<T>) => Promise<T>

/** One Drizzle serves all transactions in turn: it talks to whichever is open. */
function transactionsOf(connection: EmbeddedConnection, inTurn: InTurn): Transact {
  let isOpen = false
  const sent: Promise<unknown>[] = []
  const whileOpen = async <T>(query: () => T) => {
    if (!isOpen) throw new Error('No transaction is open')
    return query()
  }
  const tx = databaseOver(connection, whileOpen, sent)
  const perform = async <T>(work: () => Promise<T>): Promise<T> => {
    const result = await work()
    await Promise.all(sent)
    const command = connection.command('commit')
    if (command !== 'COMMIT') throw new Error(`The transaction ended with ${command}`)
    return result
  }
  return (mode, _lane, work) =>
    inTurn(async () => {
      connection.command(mode ? `begin ${mode}` : 'begin')
      isOpen = true
      try {
        return await perform(() => work(tx))
      } catch (error) {
        connection.command('rollback')
        throw (await faultAhead(sent)) ?? error
      } finally {
        sent.length = 0
        isOpen = false
      }
    })
}

/** Runs a query when it may run. */
type Turn = <T>(query: () => T) => Promise<T>

/** With `sent`, for transactions: what was sent ahead is collected there. */
function databaseOver(connection: EmbeddedConnection, turn: Turn, sent?: Promise<unknown>[]): Database {
  const run: Runner['run'] = (text, parameters) => turn(() => connection.rows(text, parameters))
  const send = (text: string, parameters: unknown[]) => {
    const sending = run(text, parameters)
    sending.catch(() => {})
    sent?.push(sending)
  }
  const query = async (text: string, parameters: unknown[] = [], { rowMode }: QueryOptions = {}) => ({
    rows: await turn<unknown[]>(() => (rowMode === 'array' ? connection.rows(text, parameters) : connection.objects(text, parameters))),
  })
  return attachRunner(drizzle(asClient({ query }), { casing }), { run, ...(sent && { within: { runLast: run, send } }) })
}

/** Drizzle uses nothing else of its client, as long as nobody opens a transaction through Drizzle itself. */
const asClient = (queries: object) => queries as PGlite
