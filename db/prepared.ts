import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { attachRunner, casing, type Database, type Runner } from '~/db/session'

/** Each prepared text takes memory in every backend, and PATCH bodies make many: what comes later is planned at each call. */
const maxPreparedTexts = 500

export type IsPrepared = (text: string) => boolean

/** Judges texts: those that came first are prepared. */
export function preparedTexts(): IsPrepared {
  const texts = new Set<string>()
  return (text) => texts.has(text) || (texts.size < maxPreparedTexts && texts.add(text).size > 0)
}

type Client = Pick<postgres.Sql, 'unsafe' | 'options'>

/** Makes the driver's query; it runs when it is awaited. One that goes `ahead` is answered with the next, which fails with it. */
export type Ask = (text: string, parameters: unknown[], ahead?: 'ahead') => postgres.PendingQuery<postgres.Row[]>

/**
 * Drizzle over a client. Drizzle says of all its statements that they are not to be prepared: each would take a second
 * trip, and PostgreSQL would parse and plan it anew. The texts are few, since values travel as parameters.
 */
export function databaseOver(client: Client, isPrepared: IsPrepared, runnerOver: (ask: Ask) => Runner): Database {
  const unsafe: Client['unsafe'] = (text, parameters, options) => client.unsafe(text, parameters, { ...options, prepare: isPrepared(text) })
  const ask: Ask = (text, parameters, ahead) =>
    client.unsafe(text, asParameters(parameters), { prepare: isPrepared(text), sync: ahead === undefined })
  return attachRunner(drizzle(asSql({ unsafe, options: client.options }), { casing }), runnerOver(ask))
}

/** Sends it now; the rows come as arrays. */
export const rowsAsked = (query: postgres.PendingQuery<postgres.Row[]>) => query.values().execute() as Promise<unknown[][]>

/** Drizzle uses nothing else of its client, as long as nobody opens a transaction through Drizzle itself. */
const asSql = (client: Client) => client as postgres.Sql

/**
 * Drizzle's encoders, or whoever wrote the statement, have made them what the driver takes. The driver would see one that is
 * missing only when COMMIT is on its way.
 */
function asParameters(parameters: unknown[]) {
  if (parameters.includes(undefined)) throw new TypeError('A parameter is missing')
  return parameters as postgres.ParameterOrJSON<never>[]
}
