import { type Fleet, openFleet } from './fleet'
import type { GrowthOptions } from './growth'
import type { Frames } from './growth-delivery'
import { notify } from './growth-log'
import type { Curve, Point } from './plot'
import { cpuMeter } from './process'
import { inTurns } from './rounds'
import { type BenchServer, postTo } from './servers'
import { type Figures, mediansOf } from './stats'
import { type SocketGroup, wires } from './wires'

/** How a write and its delivery change with the stores: each has one socket, and is written to in turn. */

const counts = [1, 10, 100, 1_000, 10_000]
const atOnce = 8
const patienceMs = 30_000

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let index = next++; index < count; index = next++) await work(index)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Stores with a device each; where nobody signs in only their ids. */
async function openStores(server: BenchServer, count: number): Promise<SocketGroup[]> {
  const token = server.stores[0]?.token
  if (!token) return Array.from({ length: count }, () => ({ count: 1, userId: '', token: '', storeId: crypto.randomUUID() }))
  const post = async <Data>(path: string, body: object): Promise<Data> => {
    const response = await fetch(`http://127.0.0.1:${server.port}/api/v1${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    })
    if (response.status !== 201) throw new Error(`${path}: ${response.status}`)
    return ((await response.json()) as { data: Data }).data
  }
  const groups: SocketGroup[] = []
  await inParallel(count, async () => {
    const { id: storeId } = await post<{ id: string }>('/stores', { name: 'Store' })
    const { device, token: own } = await post<{ device: { userId: string }; token: string }>(`/stores/${storeId}/devices`, {
      name: 'Screen',
      role: 'staff',
    })
    groups.push({ count: 1, userId: device.userId, token: own, storeId })
  })
  return groups
}

const eventsOf = async (fleets: Fleet[]) =>
  (await Promise.all(fleets.map((fleet) => fleet.ask({ kind: 'count' })))).reduce((sum, { events }) => sum + events, 0)

/** Writes to one store after another for a while, until everything has arrived. */
async function measure(
  server: BenchServer,
  stores: SocketGroup[],
  fleets: Fleet[],
  write: (store: SocketGroup) => Promise<unknown>,
  seconds: number,
) {
  const before = await eventsOf(fleets)
  const spent = cpuMeter(server.pid)
  const startedAt = performance.now()
  let sent = 0
  const worker = async () => {
    while (performance.now() - startedAt < seconds * 1000) {
      const store = stores[sent++ % stores.length]
      if (store) await write(store)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  const deadline = performance.now() + patienceMs
  while ((await eventsOf(fleets)) < before + sent) {
    if (performance.now() > deadline) throw new Error(`${server.name}: not everything arrived`)
    await Bun.sleep(10)
  }
  return spent() / sent
}

export async function growStores(servers: BenchServer[], frames: Frames, { rounds, seconds }: GrowthOptions): Promise<Record<string, Curve>> {
  const [frame = ''] = frames.notification
  const sides = servers.map((server) => {
    const owner = server.stores[0]?.token
    const write = ({ storeId }: SocketGroup) =>
      owner ? notify(server.port, { storeId, token: owner }) : postTo(server.port, `/?store=${storeId}`)(frame)
    return { server, write, stores: [] as SocketGroup[], fleets: [] as Fleet[] }
  })
  const points = new Map<string, Point[]>(servers.map(({ name }) => [name, []]))
  for (const count of counts) {
    for (const { server, stores, fleets } of sides) {
      const more = await openStores(server, count - stores.length)
      const fleet = openFleet()
      const wire = server.wire ?? 'zipzap'
      await fleet.ask({ kind: 'open', port: server.port, groups: more, framesEach: wires[wire].framesToOpen, wire })
      stores.push(...more)
      fleets.push(fleet)
    }
    const measured = await inTurns(servers, rounds, async (server): Promise<Figures> => {
      const side = sides.find((one) => one.server === server)
      return side ? { micros: await measure(server, side.stores, side.fleets, side.write, seconds) } : {}
    })
    for (const { name } of servers) points.get(name)?.push({ x: count, y: mediansOf(measured.get(name) ?? []).micros ?? 0 })
  }
  for (const { fleets } of sides) for (const fleet of fleets) await fleet.end()
  const series = [...points].map(([name, its]) => ({ name, points: its }))
  return { stores: { title: 'A notification and its delivery to one socket', x: 'stores, with a socket each', y: 'CPU µs', series } }
}
