import { expect, test } from 'bun:test'
import { describeSocket } from '~/routes/asyncapi'
import { loadConfig } from '~/utils/config'
import type { Answer } from './support/api'
import { formsOf } from './support/frames'
import { TestSocket } from './support/socket'
import { createOrder, createProduct, createWorld, registerUser, type World } from './support/world'

/** Forms that take a clock, a stopping server or a key: the tests of these have them. Our server pings by the protocol. */
const elsewhere = ['serverUserLeft', 'serverSessionExpiring', 'serverGoaway', 'serverSealed', 'serverPing']
const described = Object.keys(describeSocket(loadConfig({ NODE_ENV: 'test' })).components.messages)

async function expectDone(answer: Promise<Answer>): Promise<void> {
  const { status, body } = await answer
  if (status >= 300) throw new Error(JSON.stringify(body))
}

/** One write of every kind that logs an event of the store. */
async function writeEverything(world: World): Promise<{ trackingToken: string; orderId: string }> {
  const { manager, staff, owner, path } = world
  const category = await manager.api.post(`${path}/categories`, { name: 'Soups' })
  const product = await createProduct(world, { stock: 5, categoryId: category.data.id })
  await expectDone(manager.api.delete(`${path}/categories/${category.data.id}`))
  const customer = await staff.api.post(`${path}/customers`, { firstName: 'Ada' })
  await expectDone(staff.api.patch(`${path}/customers/${customer.data.id}`, { note: 'Window seat' }))
  await expectDone(owner.api.patch(path, { prepMinutes: 7 }))
  const order = await createOrder(world, product.id, { customerId: customer.data.id, type: 'delivery', deliveryAddress: '1 High Street' })
  await expectDone(staff.api.patch(`${path}/orders/${order.id}`, { note: 'No onions' }))
  await expectDone(staff.api.post(`${path}/orders/${order.id}/payments`, { kind: 'payment', method: 'cash', amount: 500 }))
  await expectDone(staff.api.delete(`${path}/customers/${customer.data.id}`))
  await expectDone(manager.api.post(`${path}/notifications`, { message: 'To all', level: 'info' }))
  await expectDone(manager.api.post(`${path}/notifications`, { message: 'To one', level: 'warning', userId: staff.id }))
  return { trackingToken: order.trackingToken, orderId: order.id }
}

test('every form of frame that AsyncAPI describes is sent in that form', async () => {
  const world = await createWorld()
  const { staff, kitchen, path, storeId } = world
  const sockets = [await TestSocket.open({ token: staff.token }), await TestSocket.open({ token: kitchen.token }), await TestSocket.open()] as const
  const [full, cook, guest] = sockets
  const { sessionId } = await full.authenticate({ userId: staff.id, storeId, deviceId: 'till-1' })
  await cook.authenticate({ userId: kitchen.id, storeId })
  await full.next('user_joined')

  const { trackingToken, orderId } = await writeEverything(world)
  guest.send({ type: 'subscribe', data: { trackingToken } })
  await guest.next('subscribed')
  await expectDone(kitchen.api.post(`${path}/orders/${orderId}/status`, { status: 'preparing' }, { headers: { 'X-Session-Id': sessionId } }))
  await guest.next('order_status_changed')
  await expectDone(staff.api.patch('/users/profile', { phone: `+49 30 ${Math.trunc(performance.now())}` }))
  await full.next('profile_updated')
  await expectDone(world.owner.api.delete(`${path}/members/${kitchen.id}`))
  await cook.next((frame) => frame.type === 'unsubscribed' && frame.data.reason === 'revoked')

  full.send({ type: 'custom_action', id: 'c1', data: { action: 'wave' } })
  await full.next('ack')
  const second = await TestSocket.open({ token: staff.token })
  await second.authenticate({ userId: staff.id, storeId })
  full.send({ type: 'custom_action', data: { action: 'wave', table: 4 } })
  await second.next('custom_action')
  full.send({ type: 'unsubscribe', data: { storeId } })
  full.send({ type: 'subscribe', data: { storeId, events: ['order_created'], resume: { epoch: 'another', seq: 3 } } })
  await full.next('subscribed')
  full.send({ type: 'unsubscribe', data: { storeId: (await registerUser()).id } })
  await full.next('error')
  await full.settled()

  const seen = new Set([...sockets, second].flatMap((socket) => socket.frames.flatMap((frame) => formsOf('server', frame))))
  expect(described.filter((form) => form.startsWith('server') && !seen.has(form) && !elsewhere.includes(form))).toEqual([])
  for (const socket of [...sockets, second]) socket.close()
})
