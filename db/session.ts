import type { SQL } from 'drizzle-orm'
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'

/** What both engines give to whoever reads and writes: Drizzle, and a way past it for statements made once. */

export type Database = PgDatabase<PgQueryResultHKT>
/** Drizzle on the connection of one transaction; or on none, where a read may stand alone. */
export type Transaction = Database

/** The connections below Drizzle. Rows come as arrays of what the driver makes of each column. */
export type Runner = {
  run(text: string, parameters: unknown[]): Promise<unknown[][]>
  /** Only within a transaction. */
  within?: {
    /** Like `run`, with COMMIT right behind: both travel at once, and locks are held for one trip less. */
    runLast(text: string, parameters: unknown[]): Promise<unknown[][]>
    /** Sends it ahead of what follows; the transaction fails when it does. */
    send(text: string, parameters: unknown[]): void
  }
}

/**
 * Runs `work` between BEGIN and COMMIT, or ROLLBACK when it throws. `mode` is that of SET TRANSACTION, or empty. Only so
 * many transactions of one `lane` run at once, so that one store that waits for a lock leaves connections to the others.
 * After `work` has failed, nothing of it may still be running.
 */
export type Transact = <T>(mode: string, lane: string, work: (tx: Transaction) => Promise<T>) => Promise<T>

/**
 * The fault of what was sent ahead in a transaction that has failed and been ended, if there was one: all that followed it
 * only failed because of it.
 */
export const faultAhead = (sent: Promise<unknown>[]): Promise<unknown> =>
  Promise.all(sent).then(
    () => undefined,
    (fault: unknown) => fault,
  )

/** Columns are named in the database as SQL names them. */
export const casing = 'snake_case'

const runners = new WeakMap<Database, Runner>()

export function attachRunner(database: Database, runner: Runner): Database {
  runners.set(database, runner)
  return database
}

export function runnerOf(database: Database): Runner {
  const runner = runners.get(database)
  if (!runner) throw new Error('This database has no runner')
  return runner
}

/** The rows of a raw statement, which the two drivers return in different forms. The caller vouches for their shape. */
export async function rowsOf<Row>(tx: Transaction, statement: SQL): Promise<Row[]> {
  const result: unknown = await tx.execute(statement)
  return (Array.isArray(result) ? result : (result as { rows: unknown[] }).rows) as Row[]
}
