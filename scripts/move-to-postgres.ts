import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { getTableName, is } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import postgres from 'postgres'
import { openDatabase } from '~/db/client'
import { renewEpochsAfterRestore } from '~/db/epochs'
import * as schema from '~/db/schema'
import { loadConfig } from '~/utils/config'

/**
 * Moves everything from the embedded database to an empty PostgreSQL: rows, the log, epochs and positions, so that
 * sessions stay alive and clients go on where they were. All of it or nothing; the embedded database stays as it is.
 *
 *   DATABASE_URL=postgres://… bun run db:move-to-postgres [--data ./.data]
 *
 * The server must be stopped: the embedded database serves one process.
 */

export type Moved = Record<string, number>

/** Throws, and leaves the target as it was, when the target holds rows or the data directory is in use. */
export async function moveToPostgres(dataDir: string, databaseUrl: string): Promise<Moved> {
  if (!existsSync(join(dataDir, 'pglite'))) throw new Error(`There is no embedded database in ${dataDir}`)
  // Opening a database brings its schema up to date: afterwards both are the same.
  const target = await openDatabase({ databaseUrl, dataDir })
  await renewEpochsAfterRestore()
  await target.close()
  const source = await openDatabase({ databaseUrl: undefined, dataDir })
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {}, connection: { application_name: 'zipzap-move' } })
  try {
    return await sql.begin(async (tx) => {
      const moved: Moved = {}
      for (const table of tablesInOrder()) {
        await requireEmpty(tx, table)
        moved[table] = await copyTable(source.copyOut, tx, table)
      }
      return moved
    })
  } finally {
    await sql.end({ timeout: 5 })
    await source.close()
  }
}

/** All tables whose rows make up the data, each after those that it refers to. */
function tablesInOrder(): string[] {
  const ordered: string[] = []
  const visit = (table: PgTable) => {
    const name = getTableName(table)
    if (ordered.includes(name)) return
    for (const key of getTableConfig(table).foreignKeys) visit(key.reference().foreignTable)
    ordered.push(name)
  }
  // In which database the log was written is for the target itself to say.
  for (const table of Object.values(schema)) if (is(table, PgTable) && getTableName(table) !== getTableName(schema.logOrigin)) visit(table)
  return ordered
}

/** Nobody can write there until the move is over. */
async function requireEmpty(tx: postgres.TransactionSql, table: string): Promise<void> {
  await tx`lock table ${tx(table)} in share row exclusive mode`
  const [row] = await tx`select 1 from ${tx(table)} limit 1`
  if (row) throw new Error(`The target is not empty: ${table} has rows. Nothing was moved.`)
}

/** COPY's text form carries every value exactly, whatever the versions on both sides. */
async function copyTable(copyOut: (query: string) => Promise<Blob>, tx: postgres.TransactionSql, table: string): Promise<number> {
  const columns = await tx<{ name: string }[]>`select attname as name from pg_attribute
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped order by attnum`
  const list = columns.map(({ name }) => `"${name}"`).join(', ')
  const rows = await copyOut(`copy "${table}" (${list}) to '/dev/blob'`)
  const into = await tx.unsafe(`copy "${table}" (${list}) from stdin`).writable()
  await pipeline(Readable.from(piecesOf(rows)), into)
  const [count] = await tx<{ n: number }[]>`select count(*)::int as n from ${tx(table)}`
  return count?.n ?? 0
}

async function* piecesOf(blob: Blob): AsyncGenerator<Buffer> {
  const size = 256 * 1024
  for (let start = 0; start < blob.size; start += size) yield Buffer.from(await blob.slice(start, start + size).arrayBuffer())
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { data: { type: 'string' } } })
  const config = loadConfig(process.env)
  if (!config.databaseUrl) throw new Error('DATABASE_URL names the PostgreSQL to move to')
  const moved = await moveToPostgres(values.data ?? config.dataDir, config.databaseUrl)
  for (const [table, rows] of Object.entries(moved)) console.log(`${table.padEnd(20)} ${rows}`)
  console.log('Everything was moved. Start the server with the same DATABASE_URL.')
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  })
}
