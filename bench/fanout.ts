import { burst, type Pace } from './burst'
import { captureFrames, type EventKind, eventKinds, meanBytes, Orders, replay, type Sender, senderOf } from './events'
import { connect, enlist, type Fleet } from './fleet'
import { inTurns, mostRounds } from './rounds'
import type { BenchServer } from './servers'
import { type Figures, mediansOf, perDelivery, ratioOf, round, table } from './stats'

/**
 * One event to a thousand and to ten thousand sockets of its store. The same is done without sockets, and what that takes
 * is taken off: what is left is the delivery.
 */

export type FanoutOptions = { rounds: number; seconds: number }
export type FanoutFigures = Record<EventKind, Delivery>
/** CPU µs a delivery at a pace and at full speed, each beside the first server's, and deliveries a second. */
type Delivery = {
  bytes: number
  paced: number
  pacedOfBare: number
  full: number
  fullOfBare: number
  perSecond: number
  crowd: number
  crowdOfBare: number
  crowdPerSecond: number
}

const eventsPerSecond = 50
const [some, many] = [1000, 10_000]
/** Enough orders for a burst at full speed. */
const changesPerSecond = 1500

/** Who makes which event, the same bytes from all servers. */
export type Senders = { orders: Orders; bytes: Record<EventKind, number>; of(server: BenchServer, kind: EventKind): Sender }

export async function openSenders(servers: BenchServer[], zipzap: BenchServer): Promise<Senders> {
  const orders = new Orders(zipzap)
  const [group] = await enlist(zipzap, 1)
  if (!group) throw new Error('nobody listens')
  const frames = await captureFrames(zipzap, group)
  const sender = (server: BenchServer, kind: EventKind) => (server === zipzap ? senderOf(zipzap, kind, orders) : replay(server, frames[kind]))
  const senders = new Map(servers.map((server) => [server, { notification: sender(server, 'notification'), status: sender(server, 'status') }]))
  const of = (server: BenchServer, kind: EventKind) => senders.get(server)?.[kind] ?? sender(server, kind)
  return { orders, bytes: { notification: meanBytes(frames.notification), status: meanBytes(frames.status) }, of }
}

/** CPU µs an event of each kind at each pace, and events a second; all servers hold their sockets and are asked in turn. */
async function measureWith(sockets: number, paces: Pace[], servers: BenchServer[], senders: Senders, { rounds, seconds }: FanoutOptions) {
  await senders.orders.stock(mostRounds(rounds) * seconds * paces.length * changesPerSecond)
  const fleets = new Map<BenchServer, Fleet>()
  if (sockets > 0) for (const server of servers) fleets.set(server, await connect(server, sockets))
  const results = await inTurns(servers, rounds, async (server) => {
    const fleet = fleets.get(server)
    const figures: Figures = {}
    for (const kind of eventKinds)
      for (const pace of paces) {
        const { cpuMs, events, tookMs } = await burst(server, senders.of(server, kind), seconds, pace, fleet ? [fleet] : [])
        figures[`${kind} ${pace ?? 'full'}`] = (cpuMs * 1000) / events
        figures[`${kind} ${pace ?? 'full'}/s`] = (events * 1000) / tookMs
      }
    return figures
  })
  for (const fleet of fleets.values()) await fleet.end()
  return results
}

/** Medians over the rounds, of each server; the first one is the measure. */
export async function measureFanout(servers: BenchServer[], zipzap: BenchServer, options: FanoutOptions): Promise<Map<string, FanoutFigures>> {
  const senders = await openSenders(servers, zipzap)
  const without = await measureWith(0, [eventsPerSecond, null], servers, senders, options)
  const shop = await measureWith(some, [eventsPerSecond, null], servers, senders, options)
  const crowd = await measureWith(many, [null], servers, senders, options)
  const deliveries = (all: Map<string, Figures[]>, name: string, sockets: number) =>
    perDelivery(all.get(name) ?? [], without.get(name) ?? [], sockets)
  const bare = servers[0]?.name ?? ''
  const figuresOf = (name: string, kind: EventKind): Delivery => {
    const [inShop, inCrowd] = [deliveries(shop, name, some), deliveries(crowd, name, many)]
    const [bareShop, bareCrowd] = [deliveries(shop, bare, some), deliveries(crowd, bare, many)]
    const of = (rounds: Figures[], field: string) => mediansOf(rounds)[`${kind} ${field}`] ?? Number.NaN
    return {
      bytes: senders.bytes[kind],
      paced: of(inShop, String(eventsPerSecond)),
      pacedOfBare: ratioOf(inShop, bareShop, `${kind} ${eventsPerSecond}`),
      full: of(inShop, 'full'),
      fullOfBare: ratioOf(inShop, bareShop, `${kind} full`),
      perSecond: of(inShop, 'full/s'),
      crowd: of(inCrowd, 'full'),
      crowdOfBare: ratioOf(inCrowd, bareCrowd, `${kind} full`),
      crowdPerSecond: of(inCrowd, 'full/s'),
    }
  }
  return new Map(servers.map(({ name }) => [name, { notification: figuresOf(name, 'notification'), status: figuresOf(name, 'status') }]))
}

const titles = { notification: 'a notification', status: 'a change of status of an order of four lines' }

export function fanoutTable(figuresOf: Map<string, FanoutFigures>): string {
  const tableOf = (kind: EventKind) => {
    const rows = [...figuresOf].map(([name, { [kind]: figures }]) => [
      name,
      round(figures.paced, 2),
      round(figures.pacedOfBare, 2),
      round(figures.full, 2),
      round(figures.fullOfBare, 2),
      round(figures.perSecond),
      round(figures.crowd, 2),
      round(figures.crowdOfBare, 2),
      round(figures.crowdPerSecond),
    ])
    const bytes = round([...figuresOf.values()][0]?.[kind].bytes ?? 0)
    const at = `${round(some)} sockets, ${eventsPerSecond}/s`
    const crowd = `${round(many)}, full speed`
    const head = ['CPU µs a delivery', at, 'of bare', `${round(some)}, full speed`, 'of bare', 'deliveries/s', crowd, 'of bare', 'deliveries/s']
    return `${bytes} bytes (${titles[kind]})\n\n${table(head, rows)}`
  }
  return eventKinds.map(tableOf).join('\n\n')
}
