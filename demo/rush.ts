import type { Order } from '~/utils/contracts/order'
import type { Product } from '~/utils/contracts/product'
import { type ApiCaller, ApiFailure } from './client'
import type { Restaurant } from './seed'

/** A lunch rush: orders come in at a pace, and each is cooked, paid and handed over, all through the REST API. */

export type RushResult = { created: number; completed: number; refused: number; failures: Map<string, number> }

const pick = <T>(list: readonly T[]): T => {
  const chosen = list[Math.floor(Math.random() * list.length)]
  if (chosen === undefined) throw new Error('nothing to pick from')
  return chosen
}
const chance = (share: number) => Math.random() < share
/** Orders a second, how long they come, and how many times faster than life everybody works. */
export type Pace = { rate: number; duration: number; speed: number }

/** Starts orders at the pace, until its end or `signal`; resolves when the last one has ended. */
export async function playRush(restaurant: Restaurant, pace: Pace, signal: AbortSignal): Promise<RushResult> {
  const result: RushResult = { created: 0, completed: 0, refused: 0, failures: new Map() }
  const running = new Set<Promise<void>>()
  const end = performance.now() + pace.duration * 1000
  while (performance.now() < end && !signal.aborted) {
    const order = playOrder(restaurant, pace, result).catch((error: unknown) => note(result, error))
    running.add(order)
    void order.then(() => running.delete(order))
    // Guests come independently of each other: the gaps are exponentially distributed.
    await Bun.sleep((-Math.log(1 - Math.random()) * 1000) / pace.rate)
  }
  await Promise.all(running)
  return result
}

function note(result: RushResult, error: unknown): void {
  const reason = error instanceof ApiFailure ? error.code : String(error)
  result.failures.set(reason, (result.failures.get(reason) ?? 0) + 1)
}

async function playOrder(restaurant: Restaurant, { speed }: Pace, result: RushResult): Promise<void> {
  const pause = (fromMs: number, toMs: number) => Bun.sleep((fromMs + Math.random() * (toMs - fromMs)) / speed)
  const { devices, people, path } = restaurant
  const isKiosk = chance(0.3)
  const order = await (isKiosk ? devices.kiosk : devices.till).api.post<Order>(`${path}/orders`, newOrder(restaurant, isKiosk))
  result.created += 1
  const floor = people.staff.api
  const kitchen = devices.wall.api
  const to = (api: ApiCaller, status: string, reason?: string) => api.post(`${path}/orders/${order.id}/status`, { status, ...(reason && { reason }) })

  await pause(300, 1500)
  if (chance(0.04)) {
    await to(floor, 'rejected', 'Kitchen is full')
    result.refused += 1
    return
  }
  await to(floor, 'confirmed')
  await pause(300, 1500)
  if (chance(0.03)) {
    await to(floor, 'cancelled', 'Guest left')
    result.refused += 1
    return
  }
  await to(kitchen, 'preparing')
  await pause(1000, 5000)
  if (order.total > 0)
    await floor.post(`${path}/orders/${order.id}/payments`, { kind: 'payment', method: pick(['card', 'cash']), amount: order.total })
  await to(kitchen, 'ready')
  await pause(500, 2500)
  await to(floor, 'completed')
  result.completed += 1
}

function newOrder(restaurant: Restaurant, isKiosk: boolean) {
  const items = Array.from({ length: 1 + Math.floor(Math.random() * 4) }, () => lineOf(pick(restaurant.products)))
  if (isKiosk) return { type: 'pickup', items }
  const type = pick(['dine_in', 'dine_in', 'pickup', 'delivery'] as const)
  const customer = chance(0.5) || type === 'delivery' ? pick(restaurant.customers) : null
  return {
    type,
    items,
    source: 'till',
    ...(customer && { customerId: customer.id }),
    ...(type === 'dine_in' && { tableNumber: String(1 + Math.floor(Math.random() * 24)), tip: chance(0.4) ? 200 : 0 }),
    ...(type === 'delivery' && { deliveryAddress: `${1 + Math.floor(Math.random() * 90)} Market Street`, deliveryFee: 290 }),
    ...(chance(0.15) && { note: 'No onions, please' }),
  }
}

/** One line with the fewest modifiers that the groups demand, and sometimes one more. */
function lineOf(product: Product) {
  const modifiers = product.modifierGroups.flatMap((group) => {
    const count = Math.min(group.max, group.min + (chance(0.3) ? 1 : 0))
    return group.options.slice(0, count).map((option) => ({ groupId: group.id, optionId: option.id }))
  })
  return { productId: product.id, quantity: chance(0.8) ? 1 : 2, modifiers }
}
