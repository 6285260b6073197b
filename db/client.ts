import type { Engine, Use } from '~/db/engine'
import type { Database, Transact } from '~/db/session'
import type { Config } from '~/utils/config'

const notOpen: Database = new Proxy({} as Database, {
  get() {
    throw new Error('The database is not open yet')
  },
})

/**
 * The process's database, for single statements outside any transaction; `openDatabase` sets it. Before it is open every
 * use throws.
 */
export let db: Database = notOpen

/** The same for what is asked every second: on PostgreSQL a connection of its own, so that it waits behind no other work. */
export let observer: Database = notOpen

let engine: Engine | undefined

/** Only db/transaction.ts and db/events.ts open transactions. */
export const transact: Transact = (mode, lane, work) => {
  if (!engine) throw new Error('The database is not open yet')
  return engine.transact(mode, lane, work)
}

/**
 * Opens PostgreSQL when `databaseUrl` is set, else the embedded database in `dataDir`; brings the schema up to date. Only the
 * one that is wanted is loaded.
 */
export async function openDatabase(config: Pick<Config, 'databaseUrl' | 'dataDir'>): Promise<Engine> {
  const use: Use = (opened) => {
    db = opened.db ?? db
    observer = opened.observer ?? observer
  }
  if (config.databaseUrl) {
    const { openPostgres } = await import('~/db/postgres')
    engine = await openPostgres(config.databaseUrl, use)
  } else {
    const { openEmbedded } = await import('~/db/embedded')
    engine = await openEmbedded(config.dataDir, use)
  }
  return engine
}
