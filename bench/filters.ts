import { burst, type Pace } from './burst'
import { Orders, type Sender, senderOf } from './events'
import { enlist, type Fleet, openFleet } from './fleet'
import { inTurns, mostRounds } from './rounds'
import type { BenchServer } from './servers'
import { type Figures, mediansOf, perDelivery, ratioOf, round, table } from './stats'
import { type Choice, wires } from './wires'

/**
 * What filters cost: five thousand sockets with fifty distinct filters beside five thousand without any, those of two stores
 * of one server, which have their changes of status in turn. Every filter lets each of the four changes pass, so that both
 * deliver the same; a third store without sockets tells what the change itself takes, which is taken off.
 */

export type FilterOptions = { rounds: number; seconds: number; sockets: number }
/** CPU µs a delivery, and deliveries a second at full speed. */
export type FilterFigures = { paced: number; pacedOfUnfiltered: number; full: number; fullOfUnfiltered: number; perSecond: number }

const eventsPerSecond = 10
const filterCount = 50
const paces: Pace[] = [eventsPerSecond, null]
/** All lists that hold some of the values, or none. */
export function subsetsOf(values: string[]): string[][] {
  let subsets: string[][] = [[]]
  for (const value of values) subsets = subsets.flatMap((subset) => [subset, [...subset, value]])
  return subsets
}

/** All of them let orders for pickup pass on their way from confirmed to completed, and differ in what else they do. */
const filters: Choice[] = subsetsOf(['pending', 'rejected', 'cancelled'])
  .flatMap((status) => subsetsOf(['delivery', 'dine_in']).map((type) => ({ status, type })))
  .flatMap(({ status, type }) =>
    [['order_created'], ['product_updated']].map((events) => ({
      events: [...events, 'order_status_changed'],
      where: { status: [...status, 'confirmed', 'preparing', 'ready', 'completed'], type: [...type, 'pickup'] },
    })),
  )
  .slice(0, filterCount)

/** The sockets of a store, live. */
async function connect(server: BenchServer, sockets: number, isFiltered: boolean): Promise<Fleet> {
  const fleet = openFleet()
  const groups = await enlist(server, sockets)
  const filtered = groups.flatMap((group) => {
    const eachItsOwn = Array.from({ length: group.count }, (_, index) => filters[index % filters.length])
    return eachItsOwn.map((choice) => ({ ...group, count: 1, ...(choice && { choice }) }))
  })
  await fleet.ask({ kind: 'open', port: server.port, groups: isFiltered ? filtered : groups, framesEach: wires.zipzap.framesToOpen })
  return fleet
}

const [none, unfiltered, filtered] = ['without sockets', 'without filters', 'with filters']
/** Enough orders for a burst at full speed. */
const changesPerSecond: Record<string, number> = { [none]: 1500, [unfiltered]: 800, [filtered]: 800 }

/** Medians over the rounds; ratios are taken within a round, then their median. */
export async function measureFilters(server: BenchServer, { rounds, seconds, sockets }: FilterOptions): Promise<Map<string, FilterFigures>> {
  const sides = [none, unfiltered, filtered].map((name, index) => ({ ...server, name, stores: server.stores.slice(index, index + 1) }))
  const senders = new Map<string, Sender>()
  const fleets = new Map<string, Fleet>()
  for (const side of sides) {
    const orders = new Orders(side)
    await orders.stock(mostRounds(rounds) * seconds * (eventsPerSecond + (changesPerSecond[side.name] ?? 0)))
    senders.set(side.name, senderOf(side, 'status', orders))
    if (side.name !== none) fleets.set(side.name, await connect(side, sockets, side.name === filtered))
  }
  const results = await inTurns(sides, rounds, async (side) => {
    const figures: Figures = {}
    const send = senders.get(side.name)
    const fleet = fleets.get(side.name)
    if (!send) return figures
    for (const pace of paces) {
      const { cpuMs, events, tookMs } = await burst(side, send, seconds, pace, fleet ? [fleet] : [])
      figures[`${pace ?? 'full'}`] = (cpuMs * 1000) / events
      figures[`${pace ?? 'full'}/s`] = (events * 1000) / tookMs
    }
    return figures
  })
  for (const fleet of fleets.values()) await fleet.end()
  const deliveries = (name: string) => perDelivery(results.get(name) ?? [], results.get(none) ?? [], sockets)
  return new Map([unfiltered, filtered].map((name) => [name, figuresOf(deliveries(name), deliveries(unfiltered))]))
}

function figuresOf(rounds: Figures[], others: Figures[]): FilterFigures {
  const of = (name: string) => mediansOf(rounds)[name] ?? Number.NaN
  const ratio = (name: string) => ratioOf(rounds, others, name)
  const paced = String(eventsPerSecond)
  return { paced: of(paced), pacedOfUnfiltered: ratio(paced), full: of('full'), fullOfUnfiltered: ratio('full'), perSecond: of('full/s') }
}

export function filtersTable(figuresOf: Map<string, FilterFigures>, { sockets }: FilterOptions): string {
  const rows = [...figuresOf].map(([name, { paced, pacedOfUnfiltered, full, fullOfUnfiltered, perSecond }]) => {
    return [name, round(paced, 2), round(pacedOfUnfiltered, 2), round(full, 2), round(fullOfUnfiltered, 2), round(perSecond)]
  })
  const of = 'of unfiltered'
  return table([`CPU µs a delivery, ${round(sockets)} sockets`, `${eventsPerSecond}/s`, of, 'full speed', of, 'deliveries/s'], rows)
}
