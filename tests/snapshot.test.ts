import { expect, test } from 'bun:test'
import { positionOf } from './support/api'
import { expectMembersOnly } from './support/refusals'
import { createDevice, createOrder, createProduct, createWorld, type World } from './support/world'

const idsOf = (rows: { id: string }[]) => rows.map((row) => row.id)

async function filledStore() {
  const world = await createWorld()
  const category = (await world.manager.api.post(`${world.path}/categories`, { name: 'Mains' })).data
  const [product, archived] = [await createProduct(world), await createProduct(world)]
  await world.manager.api.delete(`${world.path}/products/${archived.id}`)
  const made = { pending: '', ready: '', completed: '', cancelled: '' }
  for (const status of ['pending', 'ready', 'completed', 'cancelled'] as const) {
    const { id } = await createOrder(world, product.id, { deliveryAddress: 'Main Street 1' })
    for (const step of { pending: [], ready: ['preparing', 'ready'], completed: ['completed'], cancelled: ['cancelled'] }[status])
      await world.staff.api.post(`${world.path}/orders/${id}/status`, { status: step })
    made[status] = id
  }
  return { world, category, product, made }
}

test('a snapshot holds store, catalogue and open orders as their own routes show them, and where the log stood', async () => {
  const { world, category, product, made } = await filledStore()
  const answer = await world.staff.api.get(`${world.path}/snapshot`)
  const lists = await Promise.all(
    ['', '/categories', '/products', '/orders?status=pending,ready'].map((path) => world.staff.api.get(world.path + path)),
  )
  const [store, categories, products, orders] = lists.map((list) => list.data)
  const { epoch, seq } = positionOf(answer, world.stream)
  expect([answer.status, answer.data]).toEqual([
    200,
    { store, categories, products, openOrders: orders, position: { stream: world.stream, epoch, seq } },
  ])
  expect([idsOf(categories), idsOf(products), idsOf(orders)]).toEqual([[category.id], [product.id], [made.ready, made.pending]])
  for (const list of lists) expect(positionOf(list, world.stream).seq).toBe(seq)
})

test('kitchen sees orders without address and token, a kiosk its own open ones', async () => {
  const { world, product, made } = await filledStore()
  const kitchen = (await world.kitchen.api.get(`${world.path}/snapshot`)).data.openOrders
  expect(kitchen[0]).toEqual((await world.kitchen.api.get(`${world.path}/orders/${made.ready}`)).data)
  expect(kitchen[0]).toMatchObject({ deliveryAddress: null, trackingToken: null })
  const kiosk = await createDevice(world)
  const own = await kiosk.api.post(`${world.path}/orders`, { type: 'pickup', items: [{ productId: product.id, quantity: 1 }] })
  const seen = (await kiosk.api.get(`${world.path}/snapshot`)).data
  expect([seen.openOrders, idsOf(seen.products), seen.store.id]).toEqual([[own.data], [product.id], world.storeId])
  await expectMembersOnly(world, [['GET', '/snapshot']])
})

test('snapshots and lists read while orders are written agree with the log at their position', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const reads: [path: string, seq: number, orders: number][] = []
  const read = async (path: string, countOf: (data: { openOrders: unknown[] } & unknown[]) => number) => {
    const answer = await world.kitchen.api.get(world.path + path)
    reads.push([path, positionOf(answer, world.stream).seq, countOf(answer.data)])
  }
  await Promise.all(
    Array.from({ length: 30 }, async () => {
      const order = createOrder(world, product.id)
      await read('/snapshot', (data) => data.openOrders.length)
      await read('/orders?limit=100', (data) => data.length)
      await order
    }),
  )
  const created = await createdSeqs(world)
  for (const [path, seq, count] of reads) expect([path, count]).toEqual([path, created.filter((at) => at <= seq).length])
})

async function createdSeqs(world: World): Promise<number[]> {
  const events = (await world.staff.api.get(`${world.path}/events?types=order_created&limit=1000`)).data
  return events.map((event: { seq: number }) => event.seq)
}
