import { expect, test } from 'bun:test'
import { positionOf } from './support/api'
import { followLog } from './support/log'
import { detailPaths } from './support/refusals'
import { createOrder, createProduct, createWorld, type World } from './support/world'

const patch = (world: World, id: string, body: unknown, headers: Record<string, string> = {}) =>
  world.staff.api.patch(`${world.path}/orders/${id}`, body, { headers })
const setStatus = (world: World, id: string, status: string) => world.manager.api.post(`${world.path}/orders/${id}/status`, { status })
const stockOf = async (world: World, id: string) => (await world.staff.api.get(`${world.path}/products/${id}`)).data.stock

const group = {
  id: 'g',
  name: 'Extras',
  min: 0,
  max: 2,
  options: [
    { id: 'a', name: 'A', priceDelta: 10 },
    { id: 'b', name: 'B', priceDelta: 20 },
  ],
}
const chosen = (...options: string[]) => options.map((optionId) => ({ groupId: 'g', optionId }))

test('a change makes one version and one event with the whole order; money is computed again', async () => {
  const world = await createWorld({ taxRateBps: 1000 })
  const order = await createOrder(world, (await createProduct(world, { price: 1000 })).id)
  const customer = (await world.staff.api.post(`${world.path}/customers`, { firstName: 'Nora' })).data
  const logged = await followLog(world.stream)
  const body = { customerId: customer.id, tableNumber: '4', deliveryAddress: 'Here 1', requestedFor: '2030-01-01T10:00:00Z', note: 'N' }
  const answer = await patch(world, order.id, { ...body, discount: 100, tip: 55, deliveryFee: 20, serviceCharge: 5 })
  expect([answer.status, answer.headers.get('etag')]).toEqual([200, '"2"'])
  expect(answer.data).toEqual({
    ...order,
    ...body,
    requestedFor: '2030-01-01T10:00:00.000Z',
    customerName: 'Nora',
    discount: 100,
    tip: 55,
    deliveryFee: 20,
    serviceCharge: 5,
    tax: 90,
    total: 1070,
    version: 2,
    updatedAt: answer.data.updatedAt,
  })
  const [event, ...others] = await logged()
  expect(others).toEqual([])
  expect(event).toMatchObject({ type: 'order_updated', seq: positionOf(answer, world.stream).seq })
  expect(event?.data).toEqual({
    action: 'updated',
    orderId: order.id,
    orderNumber: '1001',
    status: 'pending',
    items: order.items,
    order: answer.data,
  })
  const cleared = await patch(world, order.id, { customerId: null, note: null, requestedFor: null, tableNumber: null, deliveryAddress: null })
  expect(cleared.data).toMatchObject({ customerId: null, customerName: null, note: null, requestedFor: null, tableNumber: null, version: 3 })
})

test('a PATCH that changes nothing makes neither version nor event', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { modifierGroups: [group] })
  const items = [{ productId: product.id, quantity: 2, modifiers: chosen('a', 'b'), note: 'hot' }]
  const customer = (await world.staff.api.post(`${world.path}/customers`, { firstName: 'Nora' })).data
  const order = await createOrder(world, product.id, { items, note: 'n', requestedFor: '2030-01-01T10:00:00.000Z', customerId: customer.id })
  await setStatus(world, order.id, 'preparing')
  const logged = await followLog(world.stream)
  const same = [{}, { note: 'n', tip: 0 }, { requestedFor: '2030-01-01T11:00:00+01:00' }, { items }, { customerId: customer.id }]
  for (const body of [...same, { items: [{ productId: product.id, quantity: 2, modifiers: chosen('b', 'a') }] }]) {
    const answer = await patch(world, order.id, body)
    expect([answer.status, answer.data.version, answer.headers.get('x-stream-position')]).toEqual([200, 2, null])
  }
  expect(await logged()).toEqual([])
})

test('If-Match is judged before wrong fields, and of two racing writers one loses', async () => {
  const world = await createWorld()
  const order = await createOrder(world, (await createProduct(world)).id)
  const raced = await Promise.all(['a', 'b'].map((note) => patch(world, order.id, { note }, { 'If-Match': '"1"' })))
  expect(raced.map((answer) => answer.status).sort()).toEqual([200, 412])
  expect((await patch(world, order.id, { note: 5 }, { 'If-Match': '"1"' })).code).toBe('version_mismatch')
  const wrong = await patch(world, order.id, { note: 5, status: 'ready', type: 'pickup', items: [] })
  expect([wrong.status, detailPaths(wrong)]).toEqual([422, ['items', 'note', 'status', 'type']])
})

test('a line that stays keeps id, name, price and rate and is not judged again; a new one takes today’s', async () => {
  const world = await createWorld({ taxRateBps: 1000 })
  const [old, fresh] = [await createProduct(world, { name: 'Old', price: 100 }), await createProduct(world, { name: 'Fresh', price: 50 })]
  const order = await createOrder(world, old.id, { items: [{ productId: old.id, quantity: 1, note: 'hot' }] })
  const line = order.items[0]
  await world.manager.api.patch(`${world.path}/products/${old.id}`, { name: 'Renamed', price: 999, taxRateBps: 0, isAvailable: false })
  await world.manager.api.patch(`${world.path}/products/${fresh.id}`, { price: 60 })
  await world.manager.api.delete(`${world.path}/products/${old.id}`)
  const byId = await patch(world, order.id, {
    items: [
      { productId: fresh.id, quantity: 1 },
      { id: line.id, quantity: 3 },
    ],
  })
  expect(byId.data.items).toEqual([
    expect.objectContaining({ name: 'Fresh', unitPrice: 60, taxRateBps: 1000 }),
    { ...line, quantity: 3, lineTotal: 300 },
  ])
  expect(byId.data).toMatchObject({ subtotal: 360, tax: 36 })
  const byProduct = await patch(world, order.id, { items: [{ productId: old.id, quantity: 2, note: null }] })
  expect(byProduct.data.items).toEqual([{ ...line, quantity: 2, lineTotal: 200, note: null }])
})

test('lines are matched by product and modifiers, and among equal ones by note', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { modifierGroups: [group] })
  const line = (note: string, ...options: string[]) => ({ productId: product.id, quantity: 1, modifiers: chosen(...options), note })
  const order = await createOrder(world, product.id, { items: [line('one', 'a'), line('two', 'a'), line('three', 'b')] })
  const [one, two, three] = order.items
  const answer = await patch(world, order.id, { items: [line('two', 'a'), line('one', 'a'), line('four', 'a', 'b'), line('five', 'b')] })
  expect(answer.data.items.map((item: { id: string }) => item.id)).toEqual([two.id, one.id, expect.any(String), three.id])
  expect(answer.data.items.map((item: { note: string }) => item.note)).toEqual(['two', 'one', 'four', 'five'])
  expect([one.id, two.id, three.id]).not.toContain(answer.data.items[2].id)
})

test('foreign, repeated and contradicting lines are wrong', async () => {
  const world = await createWorld()
  const [product, other] = [await createProduct(world, { modifierGroups: [group] }), await createProduct(world)]
  const [order, foreign] = [await createOrder(world, product.id), await createOrder(world, product.id)]
  const { id } = order.items[0]
  const cases: [unknown[], string[]][] = [
    [[{ id: foreign.items[0].id, quantity: 1 }], ['items.0.id']],
    [
      [
        { id, quantity: 1 },
        { id, quantity: 1 },
      ],
      ['items.1.id'],
    ],
    [[{ id, productId: other.id, quantity: 1 }], ['items.0.productId']],
    [[{ id, quantity: 1, modifiers: chosen('a') }], ['items.0.modifiers']],
    [[{ quantity: 1 }], ['items.0.productId']],
    [
      [
        { id: foreign.items[0].id, quantity: 1 },
        { productId: Bun.randomUUIDv7(), quantity: 1 },
      ],
      ['items.0.id', 'items.1.productId'],
    ],
  ]
  for (const [items, paths] of cases) {
    const answer = await patch(world, order.id, { items })
    expect([answer.status, detailPaths(answer)]).toEqual([422, paths])
  }
})

test('stock moves by the difference, and a refused change leaves everything as it was', async () => {
  const world = await createWorld()
  const [a, b] = [await createProduct(world, { stock: 5 }), await createProduct(world, { stock: 5 })]
  const order = await createOrder(world, a.id, { items: [{ productId: a.id, quantity: 3 }] })
  const logged = await followLog(world.stream)
  const two = [
    { productId: a.id, quantity: 1 },
    { productId: b.id, quantity: 4 },
  ]
  expect((await patch(world, order.id, { items: two })).status).toBe(200)
  expect([await stockOf(world, a.id), await stockOf(world, b.id)]).toEqual([4, 1])
  expect((await logged()).map((event) => event.type)).toEqual(['order_updated', 'product_updated', 'product_updated'])
  const refused = await patch(world, order.id, { note: 'x', items: [{ productId: b.id, quantity: 6 }] })
  expect([refused.status, refused.code]).toEqual([409, 'out_of_stock'])
  expect([await stockOf(world, a.id), await stockOf(world, b.id), await logged()]).toEqual([4, 1, []])
  expect((await world.staff.api.get(`${world.path}/orders/${order.id}`)).data).toMatchObject({ version: 2, note: null })
})

test('a new line of an unavailable product is refused, an old one of it may grow', async () => {
  const world = await createWorld()
  const [old, gone] = [await createProduct(world), await createProduct(world, { isAvailable: false })]
  const order = await createOrder(world, old.id)
  await world.manager.api.patch(`${world.path}/products/${old.id}`, { isAvailable: false })
  expect((await patch(world, order.id, { items: [{ productId: old.id, quantity: 9 }] })).status).toBe(200)
  const refused = await patch(world, order.id, {
    items: [
      { productId: old.id, quantity: 9 },
      { productId: gone.id, quantity: 1 },
    ],
  })
  expect([refused.code, detailPaths(refused)]).toEqual(['product_unavailable', ['items.1.productId']])
})

test('items change only before the kitchen begins, the rest at any time', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const order = await createOrder(world, product.id)
  const items = [{ productId: product.id, quantity: 7 }]
  await setStatus(world, order.id, 'confirmed')
  expect((await patch(world, order.id, { items })).status).toBe(200)
  await setStatus(world, order.id, 'preparing')
  const refused = await patch(world, order.id, { items: [{ productId: product.id, quantity: 1 }], note: 'x' })
  expect([refused.status, refused.code, detailPaths(refused)]).toEqual([409, 'invalid_transition', ['items']])
  expect((await patch(world, order.id, { items: [{ productId: Bun.randomUUIDv7(), quantity: 1 }] })).status).toBe(422)
  expect((await patch(world, order.id, { note: 'still', tip: 5 })).data).toMatchObject({ note: 'still', tip: 5, version: 5 })
})

test('what was paid is compared with the new total', async () => {
  const world = await createWorld()
  const order = await createOrder(world, (await createProduct(world, { price: 1000 })).id)
  const pay = (kind: string, amount: number) => world.manager.api.post(`${world.path}/orders/${order.id}/payments`, { kind, method: 'cash', amount })
  const after = async (body: unknown) => (await patch(world, order.id, body)).data.paymentStatus
  expect(await after({ discount: 1000 })).toBe('paid')
  expect(await after({ discount: 0 })).toBe('unpaid')
  await pay('payment', 1000)
  expect(await after({ tip: 1 })).toBe('partial')
  expect(await after({ tip: 0, discount: 500 })).toBe('paid')
  expect((await pay('payment', 1)).code).toBe('overpaid')
  await pay('refund', 1000)
  expect(await after({ discount: 1000 })).toBe('paid')
  expect(await after({ discount: 400 })).toBe('refunded')
})

test('a discount over the subtotal that new items leave is wrong', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { price: 100 })
  const order = await createOrder(world, product.id, { items: [{ productId: product.id, quantity: 5 }], discount: 300 })
  expect(detailPaths(await patch(world, order.id, { items: [{ productId: product.id, quantity: 2 }] }))).toEqual(['discount'])
  expect(detailPaths(await patch(world, order.id, { tip: 99_999_999_999 }))).toEqual(['total'])
  const both = await patch(world, order.id, { items: [{ productId: product.id, quantity: 2 }], discount: 200 })
  expect([both.status, both.data.total]).toEqual([200, 0])
})

test('a customer that is foreign or anonymised is wrong; naming the one it has is not', async () => {
  const [world, other] = [await createWorld(), await createWorld()]
  const foreign = (await other.staff.api.post(`${other.path}/customers`, { firstName: 'F' })).data
  const mine = (await world.staff.api.post(`${world.path}/customers`, { firstName: 'Nora' })).data
  const order = await createOrder(world, (await createProduct(world)).id, { customerId: mine.id })
  expect(detailPaths(await patch(world, order.id, { customerId: foreign.id }))).toEqual(['customerId'])
  await world.staff.api.delete(`${world.path}/customers/${mine.id}`)
  const same = await patch(world, order.id, { customerId: mine.id })
  expect([same.status, same.data.version, same.data.customerName]).toEqual([200, 1, null])
})
