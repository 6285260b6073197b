import { burst, type Pace } from './burst'
import { type EventKind, Orders, replay, type Sender, senderOf } from './events'
import { subsetsOf } from './filters'
import { connect, enlist, type Fleet, openFleet } from './fleet'
import type { GrowthOptions } from './growth'
import type { Curve, Point } from './plot'
import { inTurns, mostRounds } from './rounds'
import type { BenchServer } from './servers'
import { type Figures, mediansOf, perDelivery } from './stats'
import { type Choice, wires } from './wires'

/** How the cost of a delivery grows with the sockets, with the events, and with the distinct filters. */

export type Frames = Record<EventKind, string[]>
type Senders = Map<string, Sender>

const isZipZap = (server: BenchServer) => server.wire === 'zipzap'

const notifiers = (servers: BenchServer[], frames: Frames): Senders =>
  new Map(
    servers.map((server) => [
      server.name,
      isZipZap(server) ? senderOf(server, 'notification', new Orders(server)) : replay(server, frames.notification),
    ]),
  )

const keyOf = (pace: Pace) => String(pace ?? 'full')

/** CPU µs an event at each pace, and events a second; with at least four events a burst. */
function measure(servers: BenchServer[], senders: Senders, fleets: Map<string, Fleet[]>, paces: Pace[], { rounds, seconds }: GrowthOptions) {
  return inTurns(servers, rounds, async (server) => {
    const figures: Figures = {}
    const send = senders.get(server.name)
    if (!send) return figures
    for (const pace of paces) {
      const least = pace === null ? seconds : Math.max(seconds, 4 / pace)
      const { cpuMs, events, tookMs } = await burst(server, send, least, pace, fleets.get(server.name) ?? [])
      figures[keyOf(pace)] = (cpuMs * 1000) / events
      figures[`${keyOf(pace)}/s`] = (events * 1000) / tookMs
    }
    return figures
  })
}

/** What a delivery takes without the event itself. */
const deliveryOf = (measured: Map<string, Figures[]>, without: Map<string, Figures[]>, name: string, sockets: number): Figures =>
  mediansOf(perDelivery(measured.get(name) ?? [], without.get(name) ?? [], sockets))

const noFleets = new Map<string, Fleet[]>()
const endAll = async (fleets: Map<string, Fleet[]>) => {
  for (const fleet of [...fleets.values()].flat()) await fleet.end()
}
const curve = (title: string, x: string, points: Map<string, Point[]>): Curve => ({
  title,
  x,
  y: 'CPU µs a delivery',
  series: [...points].map(([name, its]) => ({ name, points: its })),
})
const empty = (servers: BenchServer[]) => new Map<string, Point[]>(servers.map(({ name }) => [name, []]))

const socketCounts = [100, 300, 1_000, 3_000, 10_000, 18_000]
/** About as many deliveries a second, whatever the number of sockets. */
const paceFor = (sockets: number): Pace => Math.max(4, Math.min(200, Math.round(60_000 / sockets)))

/** One event at a time, and as fast as they can be written. */
export async function growSockets(servers: BenchServer[], frames: Frames, options: GrowthOptions): Promise<Record<string, Curve>> {
  const senders = notifiers(servers, frames)
  const paces = [...new Set(socketCounts.map(paceFor))]
  const without = await measure(servers, senders, noFleets, [...paces, null], options)
  const fleets = new Map<string, Fleet[]>(servers.map(({ name }) => [name, []]))
  const [slow, fast] = [empty(servers), empty(servers)]
  let open = 0
  for (const sockets of socketCounts) {
    for (const server of servers) fleets.get(server.name)?.push(await connect(server, sockets - open))
    open = sockets
    const measured = await measure(servers, senders, fleets, [paceFor(sockets), null], options)
    for (const { name } of servers) {
      const figures = deliveryOf(measured, without, name, sockets)
      slow.get(name)?.push({ x: sockets, y: figures[keyOf(paceFor(sockets))] ?? 0 })
      // With few sockets nearly all is the event, and the rest is its noise.
      if (sockets >= 1_000) fast.get(name)?.push({ x: sockets, y: figures.full ?? 0 })
    }
  }
  await endAll(fleets)
  return {
    sockets: curve('A delivery, one event at a time', 'sockets of the store', slow),
    'sockets-full': curve('A delivery, events at full speed', 'sockets of the store', fast),
  }
}

const eventPaces: Pace[] = [1, 3, 10, 30, 100, 300, null]
const eventSockets = 1_000

/** What one of them costs at each pace, as medians over the rounds; with the deliveries a second. */
export async function costOfDeliveries(servers: BenchServer[], frames: Frames, sockets: number, paces: Pace[], options: GrowthOptions) {
  const senders = notifiers(servers, frames)
  const without = await measure(servers, senders, noFleets, paces, options)
  const fleets = new Map<string, Fleet[]>()
  for (const server of servers) fleets.set(server.name, [await connect(server, sockets)])
  const measured = await measure(servers, senders, fleets, paces, options)
  await endAll(fleets)
  return new Map(servers.map(({ name }) => [name, deliveryOf(measured, without, name, sockets)]))
}

export async function growEvents(servers: BenchServer[], frames: Frames, options: GrowthOptions): Promise<Record<string, Curve>> {
  const costs = await costOfDeliveries(servers, frames, eventSockets, eventPaces, options)
  const points = empty(servers)
  for (const [name, figures] of costs)
    for (const pace of eventPaces) {
      const perSecond = pace ?? (figures['full/s'] ?? 0) / eventSockets
      points.get(name)?.push({ x: Math.round(perSecond), y: figures[keyOf(pace)] ?? 0 })
      // On a busy machine full speed may be slower than a pace.
      points.get(name)?.sort((a, b) => a.x - b.x)
    }
  return { events: curve('A delivery to 1,000 sockets', 'events a second, and as many as can be written', points) }
}

const filterCounts = [1, 3, 10, 30, 100, 300, 500]
const filterSockets = 1_000
const filterPace = 30

/** So many that differ, and all let changes of status of orders for pickup pass. */
const choices: Choice[] = subsetsOf(['pending', 'rejected', 'cancelled'])
  .flatMap((status) => subsetsOf(['delivery', 'dine_in']).map((type) => ({ status, type })))
  .flatMap(({ status, type }) =>
    subsetsOf(['order_created', 'order_updated', 'product_updated', 'category_updated']).map((events) => ({
      events: [...events, 'order_status_changed'],
      where: { status: [...status, 'confirmed', 'preparing', 'ready', 'completed'], type: [...type, 'pickup'] },
    })),
  )

/** Sockets that take these filters in turn. */
async function connectFiltered(server: BenchServer, sockets: number, filters: Choice[]): Promise<Fleet> {
  const members = (await enlist(server, sockets)).flatMap((group) => Array.from({ length: group.count }, () => group))
  const groups = members.map((group, index) => {
    const choice = filters[index % filters.length]
    return { ...group, count: 1, ...(choice && { choice }) }
  })
  const fleet = openFleet()
  await fleet.ask({ kind: 'open', port: server.port, groups, framesEach: wires.zipzap.framesToOpen })
  return fleet
}

/** Beside bare sockets, which have no filters. */
export async function growFilters(servers: BenchServer[], frames: Frames, options: GrowthOptions): Promise<Record<string, Curve>> {
  const [bare, zipzap] = servers
  if (!bare || !zipzap) throw new Error('there is nothing to measure')
  const orders = new Orders(zipzap)
  const burstSeconds = Math.max(options.seconds, 4 / filterPace)
  await orders.stock(mostRounds(options.rounds) * (filterCounts.length + 1) * (burstSeconds + 1) * filterPace)
  const senders: Senders = new Map([
    [bare.name, replay(bare, frames.status)],
    [zipzap.name, senderOf(zipzap, 'status', orders)],
  ])
  const without = await measure(servers, senders, noFleets, [filterPace], options)
  const points = empty(servers)
  const bareFleet = await connect(bare, filterSockets)
  for (const count of filterCounts) {
    const fleets = new Map([
      [bare.name, [bareFleet]],
      [zipzap.name, [await connectFiltered(zipzap, filterSockets, choices.slice(0, count))]],
    ])
    const measured = await measure(servers, senders, fleets, [filterPace], options)
    for (const { name } of servers)
      points.get(name)?.push({ x: count, y: deliveryOf(measured, without, name, filterSockets)[keyOf(filterPace)] ?? 0 })
    await endAll(new Map([...fleets].filter(([name]) => name === zipzap.name)))
  }
  await bareFleet.end()
  return { filters: curve('A change of status to 1,000 sockets, 30 a second', 'distinct filters', points) }
}
