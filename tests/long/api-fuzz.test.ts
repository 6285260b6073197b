import { beforeAll, expect, test } from 'bun:test'
import { type Chance, chanceOf } from '../oracle/random'
import { ApiClient } from '../support/api'
import { type Schema, ValueMaker } from '../support/from-schema'
import { type TestServer, testServer } from '../support/server'
import { createDevice, createOrder, createProduct, createWorld, type World } from '../support/world'

/**
 * Every route, asked as `/openapi.json` describes it and otherwise, by everybody: whatever comes, it is answered in the
 * envelope with a status that the document knows, and never with a 500. By hand: API_FUZZ_REQUESTS, API_FUZZ_SEED.
 */

const requests = Number(process.env.API_FUZZ_REQUESTS ?? 10_000)
const seed = Number(process.env.API_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const atOnce = 16

type Operation = { method: string; path: string; parameters: Schema[]; body: Schema | undefined; statuses: Set<string> }

let server: TestServer
let world: World
let operations: Operation[]
let definitions: Record<string, Schema>
/** The empty one is nobody's. */
const tokens: string[] = []
/** Of a device that nobody needs. */
let leaving = ''
/** Of rows that exist, by the collection in whose path they stand. */
const rows = new Map<string, string[]>()

beforeAll(async () => {
  server = await testServer()
  world = await createWorld()
  const kiosk = await createDevice(world)
  leaving = (await createDevice(world)).token
  tokens.push(
    world.owner.token,
    world.owner.token,
    world.manager.token,
    world.staff.token,
    world.kitchen.token,
    kiosk.token,
    world.stranger.token,
    '',
  )
  const { id: productId } = await createProduct(world, { stock: 1_000_000 })
  const order = await createOrder(world, productId)
  const customer = (await world.staff.api.post(`${world.path}/customers`, { firstName: 'Ada' })).data
  const category = (await world.manager.api.post(`${world.path}/categories`, { name: 'Mains' })).data
  for (const [name, id] of Object.entries({ products: productId, orders: order.id, customers: customer.id, categories: category.id }))
    rows.set(name, [id])
  rows.set('members', [world.staff.id, world.kitchen.id])
  rows.set('devices', [kiosk.id])
  const document: Schema = await (await fetch(`${server.base}/openapi.json`)).json()
  definitions = document.components.schemas
  operations = Object.entries(document.paths as Schema).flatMap(([path, item]) =>
    Object.entries(item as Schema).map(([method, operation]: [string, Schema]) => ({
      method: method.toUpperCase(),
      path,
      parameters: operation.parameters ?? [],
      body: operation.requestBody?.content['application/json'].schema,
      statuses: new Set(Object.keys(operation.responses)),
    })),
  )
}, 60_000)

/** What costs a computation of a password or ends what the others need is asked now and then only. */
const isRare = ({ method, path }: Operation) =>
  /\/auth\/(register|login|logout|password-reset)|\/users\/(password|email|sessions)/.test(path) ||
  (method === 'DELETE' && /members|devices/.test(path))

function urlOf(operation: Operation, maker: ValueMaker, chance: Chance): string {
  const collection = /\/stores\/\{storeId\}\/(\w+)/.exec(operation.path)?.[1] ?? ''
  const known = (name: string) => (name === 'storeId' ? world.storeId : chance.pick(rows.get(collection) ?? [world.storeId]))
  const strange = () => encodeURIComponent(String(chance.pick(['nonsense', "'", '\u0000', '../..', 'null', '%', Bun.randomUUIDv7()])))
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => (chance.next() < 0.93 ? known(name) : strange()))
  const query = operation.parameters.filter((parameter) => parameter.in === 'query' && chance.next() < 0.3)
  const pairs = query.map(({ name, schema }) => [name, String(chance.next() < 0.7 ? maker.valid(schema) : maker.spoiled(schema)).toWellFormed()])
  return pairs.length > 0 ? `${path}?${new URLSearchParams(pairs)}` : path
}

function headersOf(chance: Chance): Record<string, string> {
  const headers: Record<string, string> = {}
  if (chance.next() < 0.1) headers['Idempotency-Key'] = chance.pick(['a', 'b', 'x'.repeat(300), 'ü'.normalize('NFD').slice(0, 1)])
  if (chance.next() < 0.1) headers['If-Match'] = chance.pick(['"1"', '*', 'W/"1"', 'nonsense', '"999", "1"'])
  if (chance.next() < 0.05) headers['X-Session-Id'] = chance.pick(['x', Bun.randomUUIDv7()])
  if (chance.next() < 0.03) headers['Content-Type'] = chance.pick(['text/plain', 'application/json;charset=utf-16', 'multipart/form-data'])
  return headers
}

/** Keeps the ids of what was made, so that later requests find it. */
function remember(path: string, data: unknown): void {
  const collection = /\/stores\/[^/]+\/(\w+)$/.exec(path)?.[1]
  if (!collection || typeof data !== 'object' || data === null || !('id' in data)) return
  const ids = rows.get(collection)
  if (ids && ids.length < 50) ids.push(String(data.id))
}

/** One request; answers what was wrong with its answer. */
async function ask(operation: Operation, chance: Chance, counts: Map<number, number>): Promise<string[]> {
  const maker = new ValueMaker(chance, definitions, () => [...rows.values()].flat())
  const path = urlOf(operation, maker, chance)
  const value = operation.body && (chance.next() < 0.5 ? maker.valid(operation.body) : maker.spoiled(operation.body))
  const rawBody = operation.body && (chance.next() < 0.03 ? JSON.stringify(value ?? null).slice(0, -1) : JSON.stringify(value ?? null))
  const client = new ApiClient({ base: server.base, api: server.base }, (path.endsWith('/logout') ? leaving : chance.pick(tokens)) || undefined)
  const answer = await client.request(operation.method, path, { headers: headersOf(chance), ...(rawBody !== undefined && { rawBody }) })
  counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1)
  const about = `${operation.method} ${path} ${rawBody?.slice(0, 300) ?? ''} → ${answer.status} ${JSON.stringify(answer.body?.error)}`
  if (answer.status >= 500) return [about]
  if (answer.status < 300) remember(path, answer.data)
  const isEnvelope = answer.body && typeof answer.body.success === 'boolean' && answer.body.success === answer.status < 300
  if (!isEnvelope) return [`no envelope: ${about}`]
  return operation.statuses.has(String(answer.status)) || path.includes('..') ? [] : [`undocumented: ${about}`]
}

test(`${requests} requests, right and wrong, are never answered with a 500`, async () => {
  const chance = chanceOf(seed)
  const counts = new Map<number, number>()
  const covered = new Set<Operation>()
  const faults: string[] = []
  const common = operations.filter((operation) => !isRare(operation))
  const rare = operations.filter(isRare)
  let left = requests
  const work = async () => {
    while (left-- > 0 && faults.length < 5) {
      const operation = chance.pick(chance.next() < 0.02 ? rare : common)
      covered.add(operation)
      faults.push(...(await ask(operation, chance, counts)))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  console.log(`seed ${seed}: ${JSON.stringify(Object.fromEntries([...counts].sort(([a], [b]) => a - b)))}`)
  expect(faults).toEqual([])
  expect(covered.size).toBe(operations.length)
  // Half of the requests would prove nothing if none of them got past the first check.
  expect((counts.get(200) ?? 0) + (counts.get(201) ?? 0)).toBeGreaterThan(requests / 20)
}, 600_000)
