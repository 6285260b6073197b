import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { findMembership } from '~/controllers/member.controllers'
import { createOrder } from '~/controllers/order-create.controllers'
import { authenticate } from '~/controllers/session.controllers'
import { withEvents } from '~/db/events'
import { Statement, slot } from '~/db/statement'
import { storeStream } from '~/db/streams'
import { inTransaction } from '~/db/transaction'
import { startInstance } from '~/instance'
import { startPostgres } from '~/scripts/postgres'
import type { Member } from '~/utils/actor'
import { loadConfig } from '~/utils/config'
import { createOrderSchema } from '~/utils/contracts/order'
import { attachLogger, createLogger } from '~/utils/logger'
import { cpuMsOf } from './process'
import { median, round, table } from './stats'

/**
 *   bun run bench:parts
 *
 * What the parts of a write cost: CPU time of the server's process and of PostgreSQL's, each part called as the routes
 * call it, eight at a time, medians of five rounds.
 */

const rounds = 5
const times = 3000
const atOnce = 8

const postgres = await startPostgres({ durable: true })
const settings = { NODE_ENV: 'production', DATABASE_URL: postgres.url, HOST: '127.0.0.1', PORT: '0', RATE_LIMIT_RPS: '0', LOG_LEVEL: 'error' }
const config = loadConfig(settings)
attachLogger(createLogger(config))
const server = await startInstance(config)
const api = `http://127.0.0.1:${server.port}/api/v1`

async function create(path: string, body: object, token = ''): Promise<{ id: string; token: string; userId?: string }> {
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }
  const response = await fetch(api + path, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return ((await response.json()) as { data: { id: string; token: string } }).data
}

const { token } = await create('/auth/register', { email: 'olga@zipzap.test', password: 'correct horse battery', firstName: 'Olga' })
const headers = new Headers({ Authorization: `Bearer ${token}` })
const identity = await authenticate(headers)
if (!identity) throw new Error('nobody is signed in')
const { userId, kind, sessionId, expiresAt } = identity
const request = { requestId: 'bench', wsSessionId: null, ifMatch: null, idempotency: null }

const shops = await Promise.all(
  Array.from({ length: atOnce }, async () => {
    const { id: storeId } = await create('/stores', { name: 'Store', taxRateBps: 1900 }, token)
    const products = [
      await create(`/stores/${storeId}/products`, { name: 'Product', price: 500 }, token),
      await create(`/stores/${storeId}/products`, { name: 'Product', price: 500 }, token),
    ]
    const member: Member = { userId, kind, sessionId, expiresAt, request, storeId, role: 'owner' }
    return { member, body: { type: 'pickup', note: 'No onions', items: products.map(({ id }, index) => ({ productId: id, quantity: index + 1 })) } }
  }),
)
const shopOf = (index: number) => shops[index % shops.length] ?? (shops[0] as (typeof shops)[number])
// Every store has its first number.
const [sample] = (await Promise.all(shops.map(({ member, body }) => createOrder(member, createOrderSchema.parse(body))))).map(({ data }) => data)
if (!sample) throw new Error('no order was made')

const number = new Statement<{ storeId: string }, void>(
  () => sql`update order_counters set last_number = last_number + 1 where store_id = ${slot('storeId')}`,
  () => {},
)
const writeOnly = (index: number) => inTransaction((tx) => number.run(tx, { storeId: shopOf(index).member.storeId }))
const writeAndTell = (index: number) =>
  withEvents(shopOf(index).member, async (tx, emit) => {
    const { storeId } = shopOf(index).member
    await number.run(tx, { storeId })
    const { id: orderId, orderNumber, status, items } = sample
    const data = { action: 'created' as const, orderId, orderNumber, status, items, order: sample }
    emit({ stream: storeStream(storeId), type: 'order_created', data, subjectId: orderId, order: { status, type: sample.type, createdBy: userId } })
    return {}
  })

const parts: Record<string, (index: number) => Promise<unknown>> = {
  'authentication and membership': async (index) => [await authenticate(headers), await findMembership(shopOf(index).member.storeId, userId)],
  'validation of an order': (index) => createOrderSchema.safeParseAsync(shopOf(index).body),
  'a transaction with one small write': writeOnly,
  'the same, and an order of two lines in the log': writeAndTell,
  'a whole order, without HTTP': (index) => createOrder(shopOf(index).member, createOrderSchema.parse(shopOf(index).body)),
}

/** CPU time of the cluster's processes, those that have ended included. */
function postgresCpuMs(): number {
  const postmaster = readFileSync(join(postgres.dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ')
  return children.filter((pid) => readdirSync('/proc').includes(pid)).reduce((sum, pid) => sum + cpuMsOf(Number(pid)), 0)
}

async function measure(part: (index: number) => Promise<unknown>): Promise<[number, number]> {
  let next = 0
  const own = process.cpuUsage()
  const theirs = postgresCpuMs()
  const work = async () => {
    while (next < times) await part(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  const { user, system } = process.cpuUsage(own)
  return [(user + system) / times, ((postgresCpuMs() - theirs) * 1000) / times]
}

const figures = new Map(Object.keys(parts).map((name) => [name, [] as [number, number][]]))
for (let number = 0; number <= rounds; number++) {
  for (const [name, part] of Object.entries(parts)) {
    const figure = await measure(part)
    // The first round warms everything up.
    if (number > 0) figures.get(name)?.push(figure)
  }
}
const rows = [...figures].map(([name, all]) => [name, round(median(all.map(([own]) => own))), round(median(all.map(([, theirs]) => theirs)))])
console.log(
  `Bun ${Bun.version}, ${rounds} rounds of ${times}, ${new Date().toISOString().slice(0, 10)}\n\n${table(['', 'server CPU µs', 'PostgreSQL CPU µs'], rows)}`,
)
await server.stop()
await postgres.stop()
process.exit(0)
