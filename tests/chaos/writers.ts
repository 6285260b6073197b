import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgres } from '~/scripts/postgres'
import { ApiClient } from '../support/api'
import { type Database, openOwnDatabase } from './database'
import { type Evidence, type Faults, judge, type Promised, promises } from './evidence'
import { Instance } from './instance'
import { Listener } from './listener'
import { type Store, Writer } from './writer'

/**
 * Many writers over some stores, a good part of whose requests fail inside their transaction, listeners that resume, and
 * kill -9 in the middle; at the end everything is held against what was promised.
 *
 *   bun run chaos:writers                               on the embedded database
 *   bun run chaos:writers --postgres                    on a throwaway PostgreSQL, with two instances
 *   bun run chaos:writers --database-url postgres://…   on a database of its own on that server
 *   …                     --seconds 60 --writers 32 --stores 20 --kills 6
 */

export type Options = { databaseUrl: string | null; seconds: number; writers: number; stores: number; kills: number }
export type Report = { faults: Faults; figures: Record<string, number> }

const listenersPerStore = 2

export async function runWriters(options: Options): Promise<Report> {
  const cwd = mkdtempSync(join(tmpdir(), 'zipzap-writers-'))
  const database = await openOwnDatabase(options.databaseUrl, cwd)
  const environment = { ...database.environment, LOG_LEVEL: 'info', NODE_ENV: 'production' }
  // The embedded database serves one process.
  const instances = Array.from({ length: options.databaseUrl ? 2 : 1 }, () => new Instance(cwd, environment))
  try {
    return await runOn(instances, database, options)
  } finally {
    await Promise.allSettled(instances.map((instance) => instance.end('SIGKILL')))
    await database.remove()
    rmSync(cwd, { recursive: true, force: true })
  }
}

async function runOn(instances: Instance[], database: Database, options: Options): Promise<Report> {
  const { owner, user, stores } = await furnish(instances, options.stores)
  const listeners = stores.flatMap(({ storeId }, index) =>
    Array.from({ length: listenersPerStore }, (_, copy) => {
      const instance = instances[copy % instances.length]
      if (!instance) throw new Error('there is no instance')
      return new Listener(`listener ${index}/${copy}`, instance, user, storeId)
    }),
  )
  await Promise.all(listeners.map((listener) => listener.start()))

  const writers = Array.from({ length: options.writers }, (_, index) => new Writer(`writer-${index}`, instances, user.token))
  const deadline = performance.now() + options.seconds * 1000
  const writing = Promise.all(writers.map((writer) => writer.write(stores, () => performance.now() >= deadline)))
  await killAtRandom(instances, options)
  await writing

  await settle(owner(await instances[0]?.server), stores, listeners)
  for (const listener of listeners) listener.stop()
  await Promise.all(instances.map((instance) => instance.end('SIGKILL')))
  const evidence: Evidence = {
    ...(await database.read()),
    acknowledged: writers.flatMap((writer) => writer.acknowledged),
    refused: writers.flatMap((writer) => writer.refused),
    heard: listeners.flatMap((listener) => [...listener.heard.values()]),
  }
  return report(evidence, writers, listeners)
}

/** An owner, and stores with something to sell. */
async function furnish(instances: Instance[], count: number) {
  const servers = await Promise.all(instances.map((instance) => instance.server))
  const server = servers[0]
  const registered = await server?.api.post('/auth/register', { email: 'olga@zipzap.test', password: 'correct horse battery', firstName: 'Olga' })
  const user = { id: String(registered?.data.user.id), token: String(registered?.data.token) }
  const owner = (at = server) => new ApiClient({ base: at?.base ?? '', api: `${at?.base}/api/v1` }, user.token)
  const products = { plain: {}, counted: { stock: 1_000_000 }, soldOut: { stock: 0 } }
  const stores = Array.from({ length: count }, async (_, index): Promise<Store> => {
    const { data: store } = await owner().post('/stores', { name: `Store ${index}` })
    const create = async (name: keyof typeof products) =>
      (await owner().post(`/stores/${store.id}/products`, { name, price: 500, ...products[name] })).data.id
    return { storeId: store.id, plain: await create('plain'), counted: await create('counted'), soldOut: await create('soldOut') }
  })
  return { owner, user, stores: await Promise.all(stores) }
}

/** One instance after the other dies, the time between two deaths being random around an even share of the run. */
async function killAtRandom(instances: Instance[], { seconds, kills }: Options): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    await Bun.sleep((seconds * 1000 * (0.5 + Math.random())) / (kills + 1))
    await instances[kill % instances.length]?.killAndRestart()
  }
}

/** Waits until every listener has what the log has; one that never gets there is for the judge. */
async function settle(owner: ApiClient, stores: Store[], listeners: Listener[]): Promise<void> {
  const heads = stores.map(async ({ storeId }) => (await owner.get(`/stores/${storeId}/snapshot`)).data.position as { stream: string; seq: number })
  for (const { stream, seq } of await Promise.all(heads)) {
    const there = listeners.filter((listener) => listener.heard.has(stream))
    await Promise.all(there.map((listener) => listener.hasReached(stream, seq, 15_000)))
  }
}

function report(evidence: Evidence, writers: Writer[], listeners: Listener[]): Report {
  const faults = judge(evidence)
  faults.kept.push(...writers.flatMap((writer) => writer.faults))
  faults.heard.push(...listeners.flatMap((listener) => listener.faults))
  const sum = (figures: number[]) => figures.reduce((total, figure) => total + figure, 0)
  return {
    faults,
    figures: {
      events: evidence.log.length,
      orders: evidence.rows.filter((row) => row.number !== null).length,
      acknowledged: evidence.acknowledged.length,
      refused: evidence.refused.length,
      repeated: sum(writers.map((writer) => writer.repeats)),
      replayed: sum(writers.map((writer) => writer.replays)),
      heard: sum(evidence.heard.map((heard) => heard.events.length)),
      resumed: sum(listeners.map((listener) => listener.connections - 1)),
    },
  }
}

/** Prints what was found, and in the terms of a test run how many of the promises held. */
export function print(title: string, { faults, figures }: Report): boolean {
  console.log(
    `${title}: ${Object.entries(figures)
      .map(([name, value]) => `${value} ${name}`)
      .join(', ')}`,
  )
  const names = Object.keys(promises) as Promised[]
  for (const name of names) {
    console.log(`(${faults[name].length === 0 ? 'pass' : 'fail'}) ${title} > ${promises[name]}`)
    for (const fault of faults[name].slice(0, 10)) console.log(`    ${fault}`)
    if (faults[name].length > 10) console.log(`    … ${faults[name].length - 10} more`)
  }
  const failed = names.filter((name) => faults[name].length > 0).length
  console.log(`\n ${names.length - failed} pass\n ${failed} fail\n`)
  return failed === 0
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'database-url': { type: 'string' },
      postgres: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '30' },
      writers: { type: 'string', default: '32' },
      stores: { type: 'string', default: '20' },
      kills: { type: 'string' },
    },
  })
  const seconds = Number(values.seconds)
  const options = {
    seconds,
    writers: Number(values.writers),
    stores: Number(values.stores),
    kills: Number(values.kills ?? Math.max(1, Math.round(seconds / 10))),
  }
  const cluster = values.postgres ? await startPostgres() : null
  const databaseUrl = cluster?.url ?? values['database-url'] ?? null
  const isKept = print(databaseUrl ? 'PostgreSQL' : 'PGlite', await runWriters({ ...options, databaseUrl }))
  await cluster?.stop()
  process.exit(isKept ? 0 : 1)
}

if (import.meta.main) await main()
