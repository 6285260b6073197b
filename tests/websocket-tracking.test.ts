import { expect, test } from 'bun:test'
import { anonymous } from './support/api'
import { joinStore, notify, refusalOf } from './support/member-socket'
import { type Frame, TestSocket } from './support/socket'
import { createOrder, createProduct, createWorld, type World } from './support/world'

const track = (trackingToken: string) => ({ type: 'subscribe', data: { trackingToken } })
const setStatus = (world: World, id: string, status: string) => world.staff.api.post(`${world.path}/orders/${id}/status`, { status })

/** A guest that follows an order, which has a customer, a note and an address. */
async function followOrder(world: World) {
  const product = await createProduct(world, { name: 'Ramen', price: 918_273 })
  const customer = { firstName: 'Privata', lastName: 'Secreta', phone: '+49 30 555' }
  const order = await createOrder(world, product.id, { type: 'delivery', customer, note: 'do not tell', deliveryAddress: '1 Secret Street' })
  const guest = await TestSocket.open()
  guest.send({ ...track(order.trackingToken), id: 't-1' })
  return { product, order, guest, answer: await guest.next('subscribed') }
}

const forbiddenFields = ['stream', 'seq', 'epoch', 'userId', 'storeId', 'sessionId']
const fieldsOf = (value: unknown): string[] =>
  typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, inner]) => [key, ...fieldsOf(inner)]) : []

test('a guest hears how the status of its order changes, as /track shows it, and nothing else', async () => {
  const world = await createWorld()
  const { product, order, guest, answer } = await followOrder(world)
  expect(answer.data).toEqual({ orderId: order.id, orderNumber: order.orderNumber, status: 'pending', replyTo: 't-1' })
  const other = await createOrder(world, product.id)
  await setStatus(world, other.id, 'preparing')
  await world.staff.api.patch(`${world.path}/orders/${order.id}`, { note: 'changed' })
  await world.staff.api.post(`${world.path}/orders/${order.id}/payments`, { kind: 'payment', method: 'cash', amount: 100 })
  await notify(world)
  const member = await joinStore(world, world.staff)
  expect(await refusalOf(member, { type: 'custom_action', data: { action: 'wave' } })).toBe('ack')
  expect((await setStatus(world, order.id, 'preparing')).status).toBe(200)

  const told = await guest.next('order_status_changed')
  const shown = (await (await anonymous()).get(`/track/${order.trackingToken}`)).data
  expect(told).toEqual({
    type: 'order_status_changed',
    data: { action: 'status_changed', orderId: order.id, previousStatus: 'pending', ...shown },
    timestamp: expect.any(String),
  })
  await setStatus(world, order.id, 'ready')
  expect((await guest.next('order_status_changed')).data.status).toBe('ready')
  await guest.settled()
  const [greeting, ...later] = guest.frames as Frame[]
  expect(greeting.data.message).toBe('Connected to ZipZap')
  expect(later.map((frame) => frame.type)).toEqual(['subscribed', 'order_status_changed', 'order_status_changed', 'pong'])
  for (const field of forbiddenFields) expect(later.flatMap(fieldsOf)).not.toContain(field)
  const text = JSON.stringify(later)
  for (const secret of [
    'Privata',
    'Secreta',
    '+49 30 555',
    'do not tell',
    'Secret Street',
    '918273',
    order.trackingToken,
    world.storeId,
    world.staff.id,
  ])
    expect(text).not.toContain(secret)
})

test('a token that is none, or looks like one, is not found', async () => {
  const world = await createWorld()
  const order = await createOrder(world, (await createProduct(world)).id)
  const guest = await TestSocket.open()
  const swapped = [...order.trackingToken].reverse().join('')
  for (const token of ['nope', swapped, order.id, `${order.trackingToken} `]) expect(await refusalOf(guest, track(token))).toBe('not_found')
  expect(guest.closed).toBeUndefined()
})

test('several orders, of several stores, are followed at once, and the same one twice is told once', async () => {
  const guest = await TestSocket.open()
  const orders: { world: World; id: string }[] = []
  for (const world of [await createWorld(), await createWorld()]) {
    const order = await createOrder(world, (await createProduct(world)).id)
    orders.push({ world, id: order.id })
    for (const _ of [1, 2]) expect(await refusalOf(guest, track(order.trackingToken))).toBe('subscribed')
  }
  for (const { world, id } of orders) await setStatus(world, id, 'confirmed')
  for (const { id } of orders) await guest.next(({ type, data }) => type === 'order_status_changed' && data.orderId === id)
  await guest.settled()
  expect(guest.all('order_status_changed')).toHaveLength(2)
})

test('a guest may not do what members do', async () => {
  const world = await createWorld()
  const { guest } = await followOrder(world)
  expect(await refusalOf(guest, { type: 'subscribe', data: { storeId: world.storeId } })).toBe('unauthorized')
  expect(await refusalOf(guest, { type: 'custom_action', data: { action: 'wave', storeId: world.storeId } })).toBe('unauthorized')
  expect(await refusalOf(guest, { type: 'ack', data: { stream: world.stream, epoch: 'e', seq: 1 } })).toBe('unauthorized')
})

test('a member may follow an order by its token as well, beside the store', async () => {
  const world = await createWorld()
  const order = await createOrder(world, (await createProduct(world)).id)
  const socket = await joinStore(world, world.staff)
  expect(await refusalOf(socket, track(order.trackingToken))).toBe('subscribed')
  await setStatus(world, order.id, 'confirmed')
  await socket.next(({ type, stream }) => type === 'order_status_changed' && stream === undefined)
  await socket.settled()
  expect(
    socket
      .all('order_status_changed')
      .map(({ stream }) => stream ?? 'guest')
      .sort(),
  ).toEqual(['guest', world.stream])
})

test('an order is followed from the status that the answer names', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  for (let round = 0; round < 5; round++) {
    const order = await createOrder(world, product.id)
    const guest = await TestSocket.open()
    const writing = setStatus(world, order.id, 'confirmed')
    guest.send(track(order.trackingToken))
    const { data } = await guest.next('subscribed')
    await writing
    if (data.status === 'pending') expect((await guest.next('order_status_changed')).data.status).toBe('confirmed')
    await guest.settled()
    expect(guest.all('order_status_changed')).toHaveLength(data.status === 'pending' ? 1 : 0)
    guest.close()
  }
})
