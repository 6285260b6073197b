import { expect, test } from 'bun:test'
import { keysToldIn, openFrame } from '../support/sealed'
import { customer, deliveryAddress, house, joinShop, must, newOrder, openSocket, register } from './house'

/** What arrives at somebody who may see less than all, or no longer anything. */

/** All that a socket was sent, as text. */
const heard = (socket: { frames: unknown[] }) => JSON.stringify(socket.frames)

/** A member of our shop with a socket there; anew for each check, which takes the role away. */
async function newMember(role: string) {
  const { nobody, ours } = await house()
  const user = await register(nobody, 'Tess')
  must(await ours.owner.api.post(`${ours.path}/members`, { email: user.email, role }))
  return { user, socket: await joinShop(user, ours), ours }
}

const rename = async () => {
  const { ours } = await house()
  return must(await ours.manager.api.patch(`${ours.path}/customers/${ours.customerId}`, { note: crypto.randomUUID() }))
}

const announce = async () => {
  const { ours } = await house()
  const message = crypto.randomUUID()
  must(await ours.manager.api.post(`${ours.path}/notifications`, { message, level: 'info' }))
  return message
}

test('a removed member hears nothing that is logged after the removal', async () => {
  const { user, socket, ours } = await newMember('staff')
  const owner = await joinShop(ours.owner, ours)
  must(await ours.owner.api.delete(`${ours.path}/members/${user.id}`))
  await socket.next((frame) => frame.type === 'unsubscribed' && frame.data.reason === 'revoked')
  const message = await announce()
  await owner.next((frame) => frame.data?.message === message)
  await socket.ask({ type: 'ping' })
  expect(heard(socket)).not.toContain(message)
  for (const one of [socket, owner]) one.socket.cut()
})

test('a removed member gets no new key, and those that he has open nothing new', async () => {
  const { user, socket, ours } = await newMember('staff')
  const owner = await joinShop(ours.owner, ours)
  must(await ours.owner.api.delete(`${ours.path}/members/${user.id}`))
  await socket.next((frame) => frame.type === 'unsubscribed')
  await rename()
  const sealed = await owner.next((frame) => frame.type === 'customer_updated')
  await expect(openFrame(sealed, keysToldIn(socket.frames))).rejects.toThrow('no key')
  for (const one of [socket, owner]) one.socket.cut()
})

test('a member who now only cooks hears no customers and gets no keys', async () => {
  const { user, socket, ours } = await newMember('staff')
  must(await ours.owner.api.patch(`${ours.path}/members/${user.id}`, { role: 'kitchen' }))
  await rename()
  const message = await announce()
  await socket.next((frame) => frame.data?.message === message)
  const after = socket.frames.slice(socket.frames.findIndex((frame) => frame.data?.action === 'member_changed'))
  expect(after.filter((frame) => frame.type === 'customer_updated')).toEqual([])
  expect(keysToldIn(after)).toEqual([])
  socket.socket.cut()
})

test('a session that ends takes its sockets with it', async () => {
  const { user, socket } = await newMember('staff')
  must(await user.api.post('/auth/logout'))
  expect(await socket.closed).toBe(4401)
})

test('a device that was removed loses its socket', async () => {
  const { ours } = await house()
  const made = must(await ours.manager.api.post(`${ours.path}/devices`, { name: 'Stolen', role: 'staff' }))
  const socket = await joinShop({ id: made.device.userId, token: made.token }, ours)
  must(await ours.manager.api.delete(`${ours.path}/devices/${made.device.userId}`))
  expect(await socket.closed).toBe(4401)
})

test('a kitchen screen hears of orders without address and token, and of no customer', async () => {
  const { ours } = await house()
  const socket = await joinShop(ours.kitchen, ours)
  const order = await newOrder(ours, { type: 'delivery', customerId: ours.customerId, deliveryAddress })
  await rename()
  const message = await announce()
  await socket.next((frame) => frame.data?.message === message)
  const text = heard(socket)
  expect(text).toContain(order.id)
  for (const secret of [deliveryAddress, order.trackingToken, 'customer_updated', '"keys":[{"stream":"store:']) expect(text).not.toContain(secret)
  socket.socket.cut()
})

test('a kiosk hears of its own orders, and of nobody', async () => {
  const { ours } = await house()
  const socket = await joinShop(ours.kiosk, ours)
  const foreign = await newOrder(ours)
  await rename()
  await announce()
  const items = [{ productId: ours.productId, quantity: 1 }]
  const own = must(await ours.kiosk.api.post(`${ours.path}/orders`, { type: 'pickup', items }))
  await socket.next((frame) => frame.type === 'order_created' && frame.data.orderId === own.id)
  const text = heard(socket)
  for (const secret of [foreign.id, 'customer_updated', 'user_joined', '"level"', '"keys":[{"stream":"store:']) expect(text).not.toContain(secret)
  socket.socket.cut()
})

test('a filter widens nothing: what a role may not see it may not ask for', async () => {
  const { ours } = await house()
  const socket = await joinShop(ours.kitchen, ours, { events: ['customer_updated', 'order_created'] })
  await rename()
  const { id } = await newOrder(ours)
  await socket.next((frame) => frame.type === 'order_created' && frame.data.orderId === id)
  expect(heard(socket)).not.toContain('customer_updated')
  socket.socket.cut()
})

test('an old position brings back nothing that the role may not see', async () => {
  const { ours } = await house()
  await rename()
  const { epoch } =
    (await joinShop(ours.owner, ours).then((socket) => socket.frames.find((frame) => frame.data?.streams)?.data.streams[ours.stream])) ?? {}
  const socket = await openSocket(ours.kitchen.token)
  await socket.authenticate({ userId: ours.kitchen.id, storeId: ours.storeId, resume: { [ours.stream]: { epoch, seq: 0 } } })
  expect(heard(socket)).not.toContain('customer_')
  expect(heard(socket)).not.toContain('Geheimgasse')
  socket.socket.cut()
})

test('a customer’s data travels sealed, to those who have a key as well', async () => {
  const { ours } = await house()
  const socket = await joinShop(ours.owner, ours)
  await rename()
  const frame = await socket.next((one) => one.type === 'customer_updated')
  expect(Object.keys(frame.data)).toEqual(['sealed'])
  for (const secret of Object.values(customer)) expect(heard(socket)).not.toContain(secret)
  expect((await openFrame(frame, keysToldIn(socket.frames))).customer.phone).toBe(customer.phone)
  socket.socket.cut()
})

test('a guest hears the state of one order, and no other word of the shop', async () => {
  const { ours } = await house()
  const followed = await newOrder(ours, { customerId: ours.customerId, note: 'secret note' })
  const other = await newOrder(ours)
  const socket = await openSocket()
  await socket.ask({ type: 'subscribe', data: { trackingToken: followed.trackingToken } })
  await announce()
  await rename()
  for (const { id } of [other, followed]) must(await ours.staff.api.post(`${ours.path}/orders/${id}/status`, { status: 'preparing' }))
  const frame = await socket.next((one) => one.type === 'order_status_changed')
  expect([frame.data.orderNumber, frame.stream, frame.seq, frame.userId, frame.storeId]).toEqual([
    followed.orderNumber,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  const text = heard(socket)
  for (const secret of [other.id, 'secret note', 'Clandestina', ours.storeId, ours.staff.id, '1290']) expect(text).not.toContain(secret)
  socket.socket.cut()
})

test('a tracking token that was guessed follows nothing', async () => {
  const socket = await openSocket()
  const answer = await socket.ask({ type: 'subscribe', data: { trackingToken: 'A'.repeat(32) } })
  expect(answer.data.code).toBe('not_found')
  socket.socket.cut()
})

test('what is for one user reaches nobody else of the shop', async () => {
  const { ours } = await house()
  const [owner, staff] = [await joinShop(ours.owner, ours), await joinShop(ours.staff, ours)]
  must(await ours.manager.api.post(`${ours.path}/notifications`, { message: 'Between us', level: 'info', userId: ours.staff.id }))
  await staff.next((frame) => frame.data?.message === 'Between us')
  const message = await announce()
  await owner.next((frame) => frame.data?.message === message)
  expect(heard(owner)).not.toContain('Between us')
  for (const socket of [owner, staff]) socket.socket.cut()
})

test('whoever switches to another user keeps nothing of the one before', async () => {
  const { ours, mallory } = await house()
  const socket = await joinShop(ours.staff, ours)
  await socket.ask({ type: 'authenticate', data: { userId: mallory.id, token: mallory.token } })
  const staff = await joinShop(ours.staff, ours)
  const message = await announce()
  must(await ours.manager.api.post(`${ours.path}/notifications`, { message: 'To the one before', level: 'info', userId: ours.staff.id }))
  await staff.next((frame) => frame.data?.message === message)
  await staff.next((frame) => frame.data?.message === 'To the one before')
  await socket.ask({ type: 'ping' })
  for (const secret of [message, 'To the one before']) expect(heard(socket)).not.toContain(secret)
  for (const one of [socket, staff]) one.socket.cut()
})
