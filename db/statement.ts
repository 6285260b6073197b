import { getTableColumns, type InferSelectModel, is, Param, Placeholder, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import { type PgColumn, PgDialect, type PgTable } from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/pg-proxy'
import { runnerOf, type Transaction } from '~/db/session'

/**
 * Statements of the hot path, whose text Drizzle makes once instead of at each call: building one costs more than
 * running it. What changes from call to call stands in them as a `slot`.
 */

const casing = 'snake_case'
const dialect = new PgDialect({ casing })

/** Drizzle's builders without a connection, and without a driver that would be loaded with them. */
export const builder = drizzle(() => Promise.reject(new Error('It only builds')), { casing })

type Values = Record<string, unknown>
type Made<V> = { text: string; parametersOf(values: V): unknown[] }

export class Statement<V extends Values, Row> {
  private made: Made<V> | undefined

  /** `build` runs once, at the first use; `decode` makes a row from what the driver has for its columns, in their order. */
  constructor(
    private readonly build: () => SQLWrapper,
    private readonly decode: (columns: unknown[]) => Row,
  ) {}

  async run(tx: Transaction, values: V): Promise<Row[]> {
    const { text, parametersOf } = this.make()
    return this.decoded(await runnerOf(tx).run(text, parametersOf(values)))
  }

  /** Runs as the last statement of the transaction, with COMMIT right behind. */
  async runLast(tx: Transaction, values: V): Promise<Row[]> {
    const { text, parametersOf } = this.make()
    return this.decoded(await transactionOf(tx).runLast(text, parametersOf(values)))
  }

  /** Sends it ahead of the statement that follows; the transaction fails when it does. */
  send(tx: Transaction, values: V): void {
    const { text, parametersOf } = this.make()
    transactionOf(tx).send(text, parametersOf(values))
  }

  private decoded(rows: unknown[][]): Row[] {
    return rows.map((row) => this.decode(row))
  }

  private make(): Made<V> {
    if (this.made) return this.made
    const { sql: text, params } = dialect.sqlToQuery(this.build().getSQL())
    const readers = params.map((parameter) => readerOf<V>(parameter))
    this.made = { text, parametersOf: (values) => readers.map((read) => read(values)) }
    return this.made
  }
}

/** Runs what was built for this one call; the rows come undecoded. */
export function runBuilt(tx: Transaction, query: SQLWrapper): Promise<unknown[][]> {
  const { sql: text, params } = dialect.sqlToQuery(query.getSQL())
  return runnerOf(tx).run(text, params)
}

function transactionOf(tx: Transaction) {
  const { within } = runnerOf(tx)
  if (!within) throw new Error('This statement belongs into a transaction')
  return within
}

/** Where a parameter comes from: the call's values, encoded as its column wants, or the text's own constant. */
function readerOf<V extends Values>(parameter: unknown): (values: V) => unknown {
  if (is(parameter, Placeholder)) return (values) => values[parameter.name] ?? null
  if (!is(parameter, Param) || !is(parameter.value, Placeholder)) return () => parameter
  const { name } = parameter.value
  const { encoder } = parameter
  return (values) => (values[name] == null ? null : encoder.mapToDriverValue(values[name]))
}

/** Where a value of the call stands in the statement. */
export const slot = <Name extends string>(name: Name) => sql.placeholder(name)

/**
 * For `set` and `values`: each of these columns takes the value of its own name. Drizzle takes a placeholder wherever it
 * takes a value, which its types do not say of `set`.
 */
export const slotsOf = <Name extends string>(...names: Name[]) =>
  Object.fromEntries(names.map((name) => [name, slot(name)])) as unknown as { [N in Name]: SQL }

/** The same, for all columns of a table but those that it fills itself. */
export const slotsFor = <T extends PgTable, Name extends keyof InferSelectModel<T> & string>(table: T, defaulted: Name[]) => {
  const names = Object.keys(getTableColumns(table)) as (keyof InferSelectModel<T> & string)[]
  return slotsOf(...names.filter((name): name is Exclude<typeof name, Name> => !(defaulted as string[]).includes(name)))
}

/** All columns of a table, in the order that `rowDecoder` expects, as text that is made once. */
export function columnList(table: PgTable): SQL {
  const columns = Object.values<PgColumn>(getTableColumns(table)).map((column) => sql`${column}`)
  return sql.raw(dialect.sqlToQuery(sql.join(columns, sql`, `)).sql)
}

export type Decoder<Row> = { width: number; decode(columns: unknown[], offset?: number): Row }

/** Makes rows of `table` from its columns in the order of the schema, which is the order in which Drizzle selects them. */
export const rowDecoder = <T extends PgTable>(table: T) => columnDecoder(getTableColumns(table)) as Decoder<InferSelectModel<T>>

/** The same for some of a table's columns, in the order in which they are named. */
export function columnDecoder<Row>(named: { [Name in keyof Row]: PgColumn }): Decoder<Row> {
  const columns = Object.entries<PgColumn>(named).map(([name, column], index) => ({ name, column, index }))
  return {
    width: columns.length,
    decode(values, offset = 0) {
      const row: Values = {}
      for (const { name, column, index } of columns) {
        const value = values[offset + index]
        row[name] = value === null ? null : column.mapFromDriverValue(value)
      }
      return row as Row
    },
  }
}
