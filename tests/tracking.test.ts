import { expect, test } from 'bun:test'
import { anonymous } from './support/api'
import { createOrder, createProduct, createWorld } from './support/world'

test('the holder of a tracking token sees number, status, item names and times, and nothing else', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { name: 'Ramen', price: 918_273 })
  const order = await createOrder(world, product.id, {
    type: 'delivery',
    customer: { firstName: 'Privata', phone: '+49111' },
    note: 'secret note',
    deliveryAddress: 'Hidden Street 1',
    requestedFor: '2030-01-01T10:00:00Z',
  })
  const changed = await world.kitchen.api.post(`${world.path}/orders/${order.id}/status`, { status: 'preparing', reason: 'inner reason' })
  const answer = await (await anonymous()).get(`/track/${order.trackingToken}`)
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
  expect(answer.data).toEqual({
    orderNumber: '1001',
    status: 'preparing',
    type: 'delivery',
    items: [{ name: 'Ramen', quantity: 1 }],
    requestedFor: '2030-01-01T10:00:00.000Z',
    statusHistory: [
      { status: 'pending', at: order.createdAt },
      { status: 'preparing', at: changed.data.updatedAt },
    ],
    createdAt: order.createdAt,
    updatedAt: changed.data.updatedAt,
  })
})

test('a wrong token looks like a missing order', async () => {
  const world = await createWorld()
  const order = await createOrder(world, (await createProduct(world)).id)
  const nobody = await anonymous()
  for (const token of ['nope', order.id, order.trackingToken.slice(0, -1), `${order.trackingToken}A`, '%00'.repeat(30), 'x'.repeat(500)]) {
    const answer = await nobody.get(`/track/${token}`)
    expect([answer.status, answer.code]).toEqual([404, 'not_found'])
  }
  expect((await nobody.get('/track/')).status).toBe(404)
})
