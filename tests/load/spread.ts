import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openFleet } from '~/bench/fleet'
import { cpuMsOf, residentBytesOf } from '~/bench/process'
import type { SocketAnswer, SocketGroup } from '~/bench/sockets'
import { startPostgres } from '~/scripts/postgres'
import { startRedis } from '../chaos/engines'
import { ApiClient } from '../support/api'
import { inTurn } from '../support/in-turn'
import { portOf, type ServerProcess, spawnServer } from '../support/process'

/**
 * Many sockets over several instances, in the two shapes that differ most: all of one store, and of as many stores as can
 * be. Notifications are written through all instances in turn; each socket must get each one of its store once, wherever
 * it was written, and nothing else.
 *
 *   bun run tests/load/spread.ts [--sockets 20000] [--stores 10000] [--instances 3]
 */

const { values } = parseArgs({
  options: {
    sockets: { type: 'string', default: '20000' },
    stores: { type: 'string', default: '10000' },
    instances: { type: 'string', default: '3' },
  },
})
const sockets = Number(values.sockets)
const storeCount = Number(values.stores)
const instanceCount = Number(values.instances)
const socketsPerStore = 2
const socketsPerUser = 50
/** Written to the one store. */
const events = 20
/** Requests under way at the same time. */
const workers = 12
const maxSilenceMs = 20_000
const fleetCount = 2 * instanceCount

type Owner = { userId: string; api: ApiClient; token: string }
type Fleet = ReturnType<typeof openFleet>
/** What the sockets of a scenario are, and what is written while they listen. */
type Scenario = { name: string; groups: SocketGroup[]; writes: ((api: ApiClient) => Promise<void>)[]; eventsEach: number }

/** Does it so many times, several at once, and answers the results in order. */
async function times<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index)
  }
  await Promise.all(Array.from({ length: workers }, worker))
  return results
}

async function register(servers: ServerProcess[], index: number): Promise<Owner> {
  const { server } = inTurn(servers, index).api
  const account = { email: `owner${index}@zipzap.test`, password: 'correct horse battery', firstName: 'Olga' }
  const { data } = await new ApiClient(server).post('/auth/register', account)
  return { userId: data.user.id, token: data.token, api: new ApiClient(server, data.token) }
}

const notifyIn = (storeId: string, token: string) => async (at: ApiClient) => {
  const { status } = await new ApiClient(at.server, token).post(`/stores/${storeId}/notifications`, { message: 'x'.repeat(28), level: 'info' })
  if (status !== 201) throw new Error(`a notification was answered ${status}`)
}

async function oneStore(owner: Owner): Promise<Scenario> {
  const storeId: string = (await owner.api.post('/stores', { name: 'Everybody' })).data.id
  const groups = await times(Math.ceil(sockets / socketsPerUser), async (index) => {
    const { data } = await owner.api.post(`/stores/${storeId}/devices`, { name: `Screen ${index}`, role: 'staff' })
    return { count: socketsPerUser, userId: data.device.userId, token: data.token, storeId }
  })
  return {
    name: 'one store',
    groups,
    writes: Array.from({ length: events }, () => notifyIn(storeId, owner.token)),
    eventsEach: events,
  }
}

async function manyStores(servers: ServerProcess[]): Promise<Scenario> {
  const perOwner = socketsPerUser / socketsPerStore
  const owners = await times(Math.ceil(storeCount / perOwner), (index) => register(servers, index + 1))
  const stores = await times(storeCount, async (index) => {
    const { api, userId, token } = inTurn(owners, index)
    const storeId: string = (await api.post('/stores', { name: `Store ${index}` })).data.id
    return { count: 1, userId, token, storeId }
  })
  // The two sockets of a store come to different instances.
  return {
    name: `${storeCount} stores`,
    groups: [...stores, ...stores.slice(1), ...stores.slice(0, 1)],
    writes: stores.map(({ storeId, token }) => notifyIn(storeId, token)),
    eventsEach: 1,
  }
}

/** Resolves with the counts when so many events have come, or nothing more does. */
async function settled(fleets: Fleet[], expected: number): Promise<SocketAnswer[]> {
  let [seen, since] = [-1, performance.now()]
  for (;;) {
    const counts = await Promise.all(fleets.map((fleet) => fleet.ask({ kind: 'count' })))
    const now = counts.reduce((sum, count) => sum + count.events, 0)
    if (now >= expected || performance.now() - since > maxSilenceMs) return counts
    if (now !== seen) [seen, since] = [now, performance.now()]
    await Bun.sleep(10)
  }
}

async function play(servers: ServerProcess[], { name, groups, writes, eventsEach }: Scenario): Promise<void> {
  const fleets = Array.from({ length: fleetCount }, () => openFleet())
  const groupsOf = (index: number) => groups.filter((_, at) => at % fleetCount === index)
  const cpu = () => servers.reduce((sum, server) => sum + cpuMsOf(server.pid), 0)
  const total = groups.reduce((sum, { count }) => sum + count, 0)
  const openedAt = performance.now()
  await Promise.all(
    fleets.map((fleet, index) => fleet.ask({ kind: 'open', port: portOf(inTurn(servers, index)), groups: groupsOf(index), framesEach: 3 })),
  )
  const [openMs, cpuBefore, startedAt] = [performance.now() - openedAt, cpu(), performance.now()]
  await times(writes.length, (index) => inTurn(writes, index)(inTurn(servers, index).api))
  await settled(fleets, total * eventsEach)
  const tookMs = performance.now() - startedAt
  // What comes twice comes later.
  await Bun.sleep(1_000)
  const counts = await settled(fleets, 0)
  const [fewest, most] = [Math.min(...counts.map((count) => count.fewest)), Math.max(...counts.map((count) => count.most))]
  const open = counts.reduce((sum, count) => sum + count.open, 0)
  const memory = Math.max(...servers.map((server) => residentBytesOf(server.pid))) / 2 ** 20
  console.log(
    `${name}: ${total} sockets over ${servers.length} instances, open after ${(openMs / 1000).toFixed(1)} s; ${writes.length} events reached ` +
      `all of theirs ${(tookMs / 1000).toFixed(2)} s after the first was sent, for ${(((cpu() - cpuBefore) * 1000) / (total * eventsEach)).toFixed(1)} µs ` +
      `a delivery; ${fewest} to ${most} a socket; the largest instance has ${memory.toFixed(0)} MiB`,
  )
  if (open !== total || fewest !== eventsEach || most !== eventsEach)
    throw new Error(`${open} of ${total} sockets are open, with ${fewest} to ${most} events instead of ${eventsEach}`)
  await Promise.all(fleets.map((fleet) => fleet.end()))
}

const directory = mkdtempSync(join(tmpdir(), 'zipzap-spread-'))
const cluster = await startPostgres({ settings: { max_connections: '100' } })
const redis = await startRedis()
const servers: ServerProcess[] = []
try {
  const environment = { DATABASE_URL: cluster.url, REDIS_URL: `redis://127.0.0.1:${redis.port}`, WS_HEARTBEAT_MS: '600000' }
  for (let index = 0; index < instanceCount; index++) servers.push(await spawnServer(directory, environment))
  await play(servers, await oneStore(await register(servers, 0)))
  await play(servers, await manyStores(servers))
} finally {
  for (const server of servers) await server.end('SIGKILL')
  await redis.end('SIGKILL')
  await cluster.stop()
  rmSync(directory, { recursive: true, force: true })
}
process.exit()
