import { describe, expect, test } from 'bun:test'
import { joinStore, type MemberSocket, notify, refusalOf, seqsOf } from './support/member-socket'
import { createDevice, createOrder, createProduct, createWorld, type World } from './support/world'

/** Lets something happen of every kind that a store's stream tells of; ends with an event that everybody sees. */
async function live(world: World): Promise<{ orderIds: string[]; trackingTokens: string[]; lastProductId: string }> {
  const { manager, staff, owner, stranger, path } = world
  const category = (await manager.api.post(`${path}/categories`, { name: 'Soups' })).data
  const product = await createProduct(world, { categoryId: category.id, stock: 9 })
  const customer = (
    await staff.api.post(`${path}/customers`, { firstName: 'Cora', phone: '+49 30 123', email: 'cora@example.com', note: 'tips well' })
  ).data
  const delivery = { type: 'delivery', deliveryAddress: '1 Secret Street', customerId: customer.id }
  const orders = [await createOrder(world, product.id, delivery), await createOrder(world, product.id)]
  for (const { id } of orders) await staff.api.post(`${path}/orders/${id}/status`, { status: 'preparing' })
  await staff.api.patch(`${path}/orders/${orders[0].id}`, { note: 'ring twice' })
  await staff.api.post(`${path}/orders/${orders[1].id}/payments`, { kind: 'payment', method: 'cash', amount: 100 })
  await staff.api.patch(`${path}/customers/${customer.id}`, { note: 'still does' })
  await manager.api.patch(path, { prepMinutes: 25 })
  await owner.api.post(`${path}/members`, { email: stranger.email, role: 'staff' })
  await notify(world)
  const last = await createProduct(world, { name: 'The last' })
  return { orderIds: orders.map(({ id }) => id), trackingTokens: orders.map(({ trackingToken }) => trackingToken), lastProductId: last.id }
}

const untilLast = (socket: MemberSocket, productId: string) => socket.next(({ data }) => data.productId === productId)
const typesOf = (socket: MemberSocket, stream: string) => [...new Set(socket.events(stream).map((event) => event.type))].sort()

const storeTypes = [
  'category_updated',
  'customer_created',
  'customer_updated',
  'general_notification',
  'order_created',
  'order_status_changed',
  'order_updated',
  'product_updated',
  'store_updated',
]

test.each(['owner', 'manager', 'staff'] as const)('%s is told everything, without a hole', async (role) => {
  const world = await createWorld()
  const socket = await joinStore(world, world[role])
  const { seq } = socket.answer.streams[world.stream]
  const { orderIds, lastProductId } = await live(world)
  await untilLast(socket, lastProductId)
  expect(typesOf(socket, world.stream)).toEqual(storeTypes)
  const seqs = seqsOf(socket, world.stream)
  expect(seqs).toEqual(seqs.map((_, index) => seq + 1 + index))
  const told = socket.events(world.stream).findLast((event) => event.data.orderId === orderIds[0])
  expect(told?.data.order).toEqual((await world[role].api.get(`${world.path}/orders/${orderIds[0]}`)).data)
})

describe('the kitchen', () => {
  test('hears nothing of customers, and nothing of where an order goes or how it is tracked', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.kitchen)
    const { orderIds, trackingTokens, lastProductId } = await live(world)
    await untilLast(socket, lastProductId)
    expect(typesOf(socket, world.stream)).toEqual(storeTypes.filter((type) => !type.startsWith('customer_')))
    const text = JSON.stringify(socket.frames)
    for (const secret of [...trackingTokens, 'Secret Street', '+49 30 123', 'cora@example.com', 'tips well']) expect(text).not.toContain(secret)
    const told = socket.events(world.stream).findLast((event) => event.data.orderId === orderIds[0])
    expect(told?.data.order).toEqual((await world.kitchen.api.get(`${world.path}/orders/${orderIds[0]}`)).data)
  })

  test('is told of a hole by sync: nothing hidden makes it wait', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.kitchen)
    const { epoch, seq } = socket.answer.streams[world.stream]
    await world.staff.api.post(`${world.path}/customers`, { firstName: 'Cora' })
    await notify(world)
    await socket.next(({ stream }) => stream === world.stream)
    expect(seqsOf(socket, world.stream)).toEqual([seq + 2])
    const again = await joinStore(world, world.kitchen, { resume: { [world.stream]: { epoch, seq } } })
    expect(again.answer.streams[world.stream]).toEqual({ epoch, seq: seq + 2, resumed: true, replayed: 1 })
    expect(again.all('sync')[0].data.streams[world.stream]).toEqual({ epoch, seq: seq + 2 })
  })
})

describe('a kiosk', () => {
  test('hears of the store, its catalogue and the orders it made, and of nothing and nobody else', async () => {
    const world = await createWorld()
    const device = await createDevice(world)
    const socket = await joinStore(world, device)
    const product = await createProduct(world)
    const made = await device.api.post(`${world.path}/orders`, { type: 'pickup', items: [{ productId: product.id, quantity: 1 }] })
    expect(made.status).toBe(201)
    const { orderIds, lastProductId } = await live(world)
    await world.kitchen.api.post(`${world.path}/orders/${made.data.id}/status`, { status: 'preparing' })
    await joinStore(world, world.staff)
    await untilLast(socket, lastProductId)
    await socket.next('order_status_changed')
    await socket.settled()

    expect(typesOf(socket, world.stream)).toEqual(['category_updated', 'order_created', 'order_status_changed', 'product_updated', 'store_updated'])
    const events = socket.events(world.stream)
    expect(new Set(events.flatMap((event) => event.data.orderId ?? []))).toEqual(new Set([made.data.id]))
    expect(events.filter((event) => event.type === 'store_updated').map((event) => event.data.action)).toEqual(['updated'])
    for (const type of ['user_joined', 'user_left', 'custom_action']) expect(socket.all(type)).toEqual([])
    expect(JSON.stringify(socket.frames)).not.toContain(orderIds[0])
  })

  test('sees the same when it comes back later', async () => {
    const world = await createWorld()
    const device = await createDevice(world)
    const first = await joinStore(world, device)
    const { epoch, seq } = first.answer.streams[world.stream]
    first.close()
    const { lastProductId } = await live(world)
    const socket = await joinStore(world, device, { resume: { [world.stream]: { epoch, seq } } })
    await untilLast(socket, lastProductId)
    expect(typesOf(socket, world.stream)).toEqual(['category_updated', 'product_updated', 'store_updated'])
    expect(socket.answer.streams[world.stream].replayed).toBe(socket.events(world.stream).length)
  })

  test('may subscribe to its own store alone', async () => {
    const [world, other] = [await createWorld(), await createWorld()]
    const socket = await joinStore(world, await createDevice(world))
    expect(await refusalOf(socket, { type: 'subscribe', data: { storeId: other.storeId } })).toBe('not_found')
    expect(await refusalOf(socket, { type: 'subscribe', data: { storeId: world.storeId } })).toBe('subscribed')
  })
})
