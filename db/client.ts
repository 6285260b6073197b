import { openEmbedded } from '~/db/embedded'
import type { Engine } from '~/db/engine'
import { openPostgres } from '~/db/postgres'
import type { Database, Transact } from '~/db/session'
import type { Config } from '~/utils/config'

/**
 * The process's database, for single statements outside any transaction; `openDatabase` sets it. Before it is open every
 * use throws.
 */
export let db: Database = new Proxy({} as Database, {
  get() {
    throw new Error('The database is not open yet')
  },
})

let engine: Engine | undefined

/** Only db/transaction.ts and db/events.ts open transactions. */
export const transact: Transact = (mode, lane, work) => {
  if (!engine) throw new Error('The database is not open yet')
  return engine.transact(mode, lane, work)
}

/** Opens PostgreSQL when `databaseUrl` is set, else the embedded database in `dataDir`; brings the schema up to date. */
export async function openDatabase(config: Pick<Config, 'databaseUrl' | 'dataDir'>): Promise<Engine> {
  const use = (database: Database) => {
    db = database
  }
  engine = config.databaseUrl ? await openPostgres(config.databaseUrl, use) : await openEmbedded(config.dataDir, use)
  return engine
}
