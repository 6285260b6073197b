import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import postgres from 'postgres'
import type { Evidence, Head, Logged, Row } from './evidence'

export type Database = {
  /** What the server needs to use it. */
  environment: Record<string, string>
  /** The log and the rows, past all of the server's own code. No server may be running. */
  read(): Promise<Pick<Evidence, 'heads' | 'log' | 'rows'>>
  remove(): Promise<void>
}

export type Query = <Result>(text: string) => Promise<Result[]>

/** A database of one's own on a PostgreSQL server, or the embedded one below `directory`. */
export async function openOwnDatabase(databaseUrl: string | null, directory: string): Promise<Database> {
  if (!databaseUrl) {
    const dataDir = join(directory, 'data')
    return {
      environment: { DATA_DIR: dataDir },
      async read() {
        const client = await PGlite.create(join(dataDir, 'pglite'))
        const query: Query = async <Result>(text: string) => (await client.query<Result>(text)).rows
        return readAll(query).finally(() => client.close())
      },
      remove: async () => {},
    }
  }
  const name = `zipzap_${crypto.randomUUID().slice(0, 8)}`
  await run(databaseUrl, (query) => query(`create database ${name}`))
  const own = new URL(databaseUrl)
  own.pathname = `/${name}`
  return {
    environment: { DATABASE_URL: own.href },
    read: () => run(own.href, readAll),
    remove: async () => {
      await run(databaseUrl, (query) => query(`drop database ${name} with (force)`))
    },
  }
}

async function run<T>(url: string, work: (query: Query) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const query: Query = async <Result>(text: string) => (await sql.unsafe(text)) as unknown as Result[]
  return work(query).finally(() => sql.end())
}

export async function readAll(query: Query) {
  return {
    heads: await query<Head>(`select stream, last_seq::float8 as "lastSeq", pruned_seq::float8 as "prunedSeq" from streams`),
    log: await query<Logged>(`select stream, seq::float8 as seq, id, subject_id as "subjectId", data #>> '{order,note}' as marker,
        coalesce(data #>> '{order,version}', data #>> '{product,version}', data #>> '{customer,version}')::int as version
      from events order by stream, seq`),
    rows: await query<Row>(`select id, 'store:' || store_id as stream, version, note as marker, order_number::float8 as number from orders
      union all select id, 'store:' || store_id, version, null, null from products
      union all select id, 'store:' || store_id, version, null, null from customers`),
  }
}
