import { expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { db } from '~/db/client'
import { readEvents } from '~/db/events'
import { streams } from '~/db/schema'
import type { LoggedEvent } from '~/utils/contracts/logged-event'
import { frameOf, isVisible } from '~/utils/event-view'
import { positionOf } from './support/api'
import { detailPaths, expectMembersOnly } from './support/refusals'
import { createDevice, createOrder, createProduct, createWorld, type World } from './support/world'

const headOf = async (world: World) => positionOf(await world.staff.api.get(`${world.path}/orders`), world.stream)
const eventsOf = async (world: World, query: string, api = world.staff.api) => await api.get(`${world.path}/events?${query}`)
const typesOf = (rows: { type: string }[]) => rows.map((row) => row.type)

/** One event of every kind, by the staff and by a kiosk. */
async function busyStore() {
  const world = await createWorld()
  const kiosk = await createDevice(world)
  const start = await headOf(world)
  const product = await createProduct(world)
  await world.manager.api.post(`${world.path}/categories`, { name: 'Mains' })
  await world.manager.api.patch(world.path, { prepMinutes: 33 })
  const order = await createOrder(world, product.id, { deliveryAddress: 'Main Street 1', customer: { firstName: 'Ilse' } })
  const items = [{ productId: product.id, quantity: 1 }]
  const own = (await kiosk.api.post(`${world.path}/orders`, { type: 'pickup', items })).data
  await world.staff.api.post(`${world.path}/orders/${own.id}/status`, { status: 'confirmed' })
  await world.staff.api.patch(`${world.path}/orders/${order.id}`, { note: 'x' })
  await world.manager.api.post(`${world.path}/notifications`, { message: 'hi', level: 'info' })
  await createDevice(world, 'staff')
  return { world, kiosk, start, order, own }
}

const all = [
  'product_updated',
  'category_updated',
  'store_updated',
  'customer_created',
  'order_created',
  'order_created',
  'order_status_changed',
  'order_updated',
  'general_notification',
  'store_updated',
]

test('the log is read as messages, in order and without gaps', async () => {
  const { world, start, order } = await busyStore()
  const answer = await eventsOf(world, `after=${start.seq}&epoch=${start.epoch}`)
  expect([answer.status, typesOf(answer.data)]).toEqual([200, all])
  expect(answer.data.map((event: { seq: number }) => event.seq)).toEqual(all.map((_, index) => start.seq + 1 + index))
  expect(answer.body.meta).toEqual({ nextCursor: null, limit: 50 })
  expect(positionOf(answer, world.stream)).toEqual({ epoch: start.epoch, seq: start.seq + all.length })
  const { id, orderNumber, items, createdAt } = order
  expect(answer.data[4]).toEqual({
    type: 'order_created',
    data: { action: 'created', orderId: id, orderNumber, status: 'pending', items, order },
    timestamp: createdAt,
    userId: world.staff.id,
    storeId: world.storeId,
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    stream: world.stream,
    epoch: start.epoch,
    seq: start.seq + 5,
  })
})

test('pages follow each other by the last seq, filtered ones too', async () => {
  const { world, start } = await busyStore()
  const seen: string[] = []
  let after: string | null = String(start.seq)
  while (after !== null) {
    const answer = await eventsOf(world, `after=${after}&limit=3`)
    seen.push(...typesOf(answer.data))
    after = answer.body.meta.nextCursor
  }
  expect(seen).toEqual(all)
  const orders = await eventsOf(world, `after=${start.seq}&types=order_created,order_updated&limit=2`)
  expect([typesOf(orders.data), orders.body.meta.nextCursor]).toEqual([['order_created', 'order_created'], String(start.seq + 6)])
  expect(typesOf((await eventsOf(world, `after=${start.seq + 6}&types=order_created,order_updated`)).data)).toEqual(['order_updated'])
  expect((await eventsOf(world, `after=${start.seq + all.length}`)).data).toEqual([])
  expect((await eventsOf(world, 'types=user_joined')).data).toEqual([])
})

test('kitchen sees no customers, and orders without address and token', async () => {
  const { world, start, order } = await busyStore()
  const { data } = await eventsOf(world, `after=${start.seq}&limit=9`, world.kitchen.api)
  expect(typesOf(data)).toEqual(all.filter((type) => type !== 'customer_created'))
  expect(data[3].data.order).toEqual({ ...order, deliveryAddress: null, trackingToken: null })
  expect(JSON.stringify(data)).not.toContain(order.trackingToken)
})

test('a kiosk sees store and catalogue, and the orders it made in full', async () => {
  const { world, kiosk, start, own } = await busyStore()
  const { data, body } = await eventsOf(world, `after=${start.seq}&limit=5`, kiosk.api)
  expect(typesOf(data)).toEqual(['product_updated', 'category_updated', 'store_updated', 'order_created', 'order_status_changed'])
  expect([data[3].data.order, data[4].data.orderId, body.meta.nextCursor]).toEqual([own, own.id, null])
})

test('the statement and the hub agree on what a role may see', async () => {
  const { world, kiosk } = await busyStore()
  const logged = await readEvents(`store:${world.storeId}`, 0, Number.MAX_SAFE_INTEGER, 1000)
  for (const [view, api, userId] of [
    ['full', world.staff.api, world.staff.id],
    ['kitchen', world.kitchen.api, world.kitchen.id],
    ['kiosk', kiosk.api, kiosk.id],
  ] as const) {
    const frames = logged.filter((event) => isVisible(event, view, userId)).map((event) => JSON.parse(frameOf(event, view)))
    expect((await eventsOf(world, 'limit=1000', api)).data).toEqual(frames)
  }
})

test("a user's own stream is for that user's eyes only", async () => {
  const { world } = await busyStore()
  const [event] = await readEvents(`store:${world.storeId}`, 0, 1, 1)
  const note = { message: 'only you', level: 'info', userId: world.staff.id }
  expect((await world.manager.api.post(`${world.path}/notifications`, note)).status).toBe(201)
  if (!event) throw new Error('the store has no event')
  const own: LoggedEvent = { ...event, stream: `user:${world.staff.id}` }
  for (const view of ['full', 'kitchen', 'kiosk'] as const) {
    expect([isVisible(own, view, world.staff.id), isVisible(own, view, world.manager.id)]).toEqual([true, false])
  }
  expect(JSON.stringify((await eventsOf(world, 'limit=1000')).data)).not.toContain('only you')
})

test('another epoch, a position ahead of the log, and a pruned one are expired', async () => {
  const world = await createWorld()
  const { epoch, seq } = await headOf(world)
  for (const query of ['after=0&epoch=another', 'epoch=%00', `after=${seq + 1}`, 'after=9007199254740991']) {
    const answer = await eventsOf(world, query)
    expect([query, answer.status, answer.code]).toEqual([query, 410, 'position_expired'])
  }
  await db.update(streams).set({ prunedSeq: 2 }).where(eq(streams.stream, world.stream))
  expect((await eventsOf(world, '')).status).toBe(410)
  expect((await eventsOf(world, `after=1&epoch=${epoch}`)).status).toBe(410)
  expect((await eventsOf(world, `after=2&epoch=${epoch}`)).status).toBe(200)
})

test('wrong parameters are named', async () => {
  const world = await createWorld()
  const wrong = await eventsOf(world, 'after=-1&limit=1001&types=order_created,nonsense&cursor=1')
  expect([wrong.status, detailPaths(wrong)]).toEqual([422, ['after', 'cursor', 'limit', 'types.1']])
  for (const query of ['after=1.5', 'after=1e18', 'after=x', 'after=9007199254740992', 'after=', 'limit=0', 'limit=x', 'types='])
    expect([query, (await eventsOf(world, query)).status]).toEqual([query, 422])
})

test('the log belongs to members', async () => {
  const world = await createWorld()
  await expectMembersOnly(world, [['GET', '/events']])
})
