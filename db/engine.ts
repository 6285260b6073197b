import { join } from 'node:path'
import type { Database, Transact } from '~/db/session'

/** What the two engines, embedded and PostgreSQL, have in common. */

export type Engine = {
  kind: 'embedded' | 'postgres'
  transact: Transact
  /** Runs `COPY … TO '/dev/blob'`; with the embedded database only. */
  copyOut(query: string): Promise<Blob>
  /** Resolves when the database answers; rejects with its error. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** Takes what an engine has opened, also when it replaces what it gave before; `observer` is for what is asked every second. */
export type Use = (opened: { db?: Database; observer?: Database }) => void

export const migrations = { migrationsFolder: join(import.meta.dir, 'migrations') }

/** A statement, a lock or an idle transaction never holds others longer than this. */
export const timeouts = { statement_timeout: 15_000, lock_timeout: 3_000, idle_in_transaction_session_timeout: 20_000 }
