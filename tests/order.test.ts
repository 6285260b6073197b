import { expect, test } from 'bun:test'
import { positionOf } from './support/api'
import { followLog } from './support/log'
import { extras, sizes } from './support/modifiers'
import { createCustomer, orderOf, postOrder } from './support/orders'
import { expectForbidden, expectMembersOnly } from './support/refusals'
import { createDevice, createOrder, createProduct, createWorld, unique } from './support/world'

test('a new order is priced, numbered, and told whole to the log', async () => {
  const world = await createWorld({ taxRateBps: 1900, currency: 'CHF' })
  const pizza = await createProduct(world, { name: 'Pizza', sku: 'PZ', price: 1000, taxRateBps: 700, modifierGroups: [sizes, extras] })
  const cola = await createProduct(world, { name: 'Cola', price: 300 })
  const customer = await createCustomer(world)
  const logged = await followLog(world.stream)
  const body = {
    type: 'delivery',
    source: 'phone',
    items: [
      { productId: pizza.id, quantity: 2, modifiers: [{ groupId: 'size', optionId: 'l' }], note: 'well done' },
      { productId: cola.id, quantity: 3 },
    ],
    customerId: customer.id,
    tableNumber: '7',
    deliveryAddress: 'Main Street 1',
    requestedFor: '2030-05-01T20:00:00+02:00',
    note: 'ring twice',
    discount: 320,
    tip: 100,
    deliveryFee: 250,
    serviceCharge: 50,
  }
  const answer = await postOrder(world, body)
  expect([answer.status, answer.headers.get('etag'), answer.body.message]).toEqual([201, '"1"', 'Order created'])
  // 2 × 1150 less 230 at 7 %, 3 × 300 less 90 at 19 %: 145 + 154 of tax.
  expect(answer.data).toEqual({
    id: expect.any(String),
    storeId: world.storeId,
    orderNumber: '1001',
    type: 'delivery',
    source: 'phone',
    status: 'pending',
    paymentStatus: 'unpaid',
    currency: 'CHF',
    pricesIncludeTax: false,
    items: [
      {
        id: expect.any(String),
        productId: pizza.id,
        name: 'Pizza',
        sku: 'PZ',
        unitPrice: 1150,
        taxRateBps: 700,
        quantity: 2,
        modifiers: [{ groupId: 'size', optionId: 'l', name: 'Large', priceDelta: 150 }],
        note: 'well done',
        lineTotal: 2300,
      },
      {
        id: expect.any(String),
        productId: cola.id,
        name: 'Cola',
        sku: null,
        unitPrice: 300,
        taxRateBps: 1900,
        quantity: 3,
        modifiers: [],
        note: null,
        lineTotal: 900,
      },
    ],
    subtotal: 3200,
    discount: 320,
    tax: 145 + 154,
    tip: 100,
    deliveryFee: 250,
    serviceCharge: 50,
    total: 3200 - 320 + 299 + 100 + 250 + 50,
    amountPaid: 0,
    customerId: customer.id,
    customerName: 'Nora Nett',
    tableNumber: '7',
    deliveryAddress: 'Main Street 1',
    requestedFor: '2030-05-01T18:00:00.000Z',
    note: 'ring twice',
    trackingToken: expect.stringMatching(/^[\w-]{22,}$/),
    statusHistory: [{ status: 'pending', at: answer.data.createdAt, userId: world.staff.id, reason: null }],
    version: 1,
    createdAt: expect.any(String),
    updatedAt: answer.data.createdAt,
  })
  const [event, ...others] = await logged()
  expect(others).toEqual([])
  expect(event).toMatchObject({ type: 'order_created', seq: positionOf(answer, world.stream).seq, orderStatus: 'pending', orderType: 'delivery' })
  const { id, items } = answer.data
  expect(event?.data).toEqual({ action: 'created', orderId: id, orderNumber: '1001', status: 'pending', items, order: answer.data })
  const read = await world.staff.api.get(`${world.path}/orders/${id}`)
  expect([read.status, read.data, read.headers.get('etag'), positionOf(read, world.stream).seq]).toEqual([200, answer.data, '"1"', event?.seq ?? 0])
  await world.manager.api.patch(`${world.path}/products/${pizza.id}`, { price: 9999, name: 'Other' })
  expect((await world.staff.api.get(`${world.path}/orders/${id}`)).data).toEqual(answer.data)
})

test('what is left out is null or 0, and an order that costs nothing is paid', async () => {
  const world = await createWorld()
  const gift = await createProduct(world, { price: 0 })
  const order = await createOrder(world, gift.id)
  expect(order).toMatchObject({ source: null, customerId: null, customerName: null, tableNumber: null, deliveryAddress: null, requestedFor: null })
  expect(order).toMatchObject({ note: null, discount: 0, tip: 0, deliveryFee: 0, serviceCharge: 0, total: 0, paymentStatus: 'paid' })
})

test('with prices that include tax the total contains it', async () => {
  const world = await createWorld({ taxRateBps: 1900, pricesIncludeTax: true })
  const product = await createProduct(world, { price: 1190 })
  const order = await createOrder(world, product.id, { tip: 10 })
  expect(order).toMatchObject({ pricesIncludeTax: true, subtotal: 1190, tax: 190, total: 1200 })
  await world.manager.api.patch(world.path, { pricesIncludeTax: false })
  const changed = await world.staff.api.patch(`${world.path}/orders/${order.id}`, { discount: 595 })
  expect(changed.data).toMatchObject({ pricesIncludeTax: true, tax: 95, total: 605 })
})

test("an order may bring its customer along; the order's event carries the name only", async () => {
  const world = await createWorld()
  const product = await createProduct(world, { stock: 5 })
  const logged = await followLog(world.stream)
  const order = await createOrder(world, product.id, { customer: { firstName: 'Ilse', lastName: 'Bach', phone: '+49555' } })
  expect(order.customerName).toBe('Ilse Bach')
  const events = await logged()
  expect(events.map((event) => event.type)).toEqual(['customer_created', 'order_created', 'product_updated'])
  expect(events[0]?.data.customer).toMatchObject({ id: order.customerId, phone: '+49555', email: null })
  expect(events[1]?.json).not.toContain('+49555')
  expect((await world.staff.api.get(`${world.path}/customers/${order.customerId}`)).data.firstName).toBe('Ilse')
})

test("a client's own id is taken once, whatever else has changed since", async () => {
  const [world, other] = [await createWorld(), await createWorld()]
  const [product, foreign] = [await createProduct(world, { stock: 1 }), await createProduct(other)]
  const id = Bun.randomUUIDv7()
  expect((await createOrder(world, product.id, { id })).id).toBe(id)
  await world.manager.api.patch(world.path, { isOpen: false })
  const again = await postOrder(world, orderOf(product.id, { id }))
  expect([again.status, again.code]).toEqual([409, 'id_taken'])
  const elsewhere = await other.staff.api.post(`${other.path}/orders`, orderOf(foreign.id, { id }))
  expect([elsewhere.status, elsewhere.code, elsewhere.body.message]).toEqual([409, 'id_taken', again.body.message])
  expect(JSON.stringify(elsewhere.body)).not.toContain(world.storeId)
})

test('parallel requests with one id: one order, the others hear that the id is taken and not that its pieces are gone', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { stock: 1 })
  const id = Bun.randomUUIDv7()
  const answers = await Promise.all(Array.from({ length: 10 }, () => postOrder(world, orderOf(product.id, { id }))))
  expect(answers.map((answer) => answer.code ?? 'ok').sort()).toEqual([...Array(9).fill('id_taken'), 'ok'])
  expect((await createOrder(world, (await createProduct(world)).id)).orderNumber).toBe('1002')
})

test('lists are filtered, and a cursor belongs to its filters', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const customer = await createCustomer(world)
  const first = await createOrder(world, product.id, { note: '100% vegan' })
  const second = await createOrder(world, product.id, { type: 'delivery', customerId: customer.id })
  const third = await createOrder(world, product.id, { type: 'dine_in', tableNumber: 'Terrace 4' })
  await world.staff.api.post(`${world.path}/orders/${second.id}/status`, { status: 'confirmed' })
  await world.staff.api.post(`${world.path}/orders/${third.id}/status`, { status: 'cancelled' })
  const list = async (query: string) => {
    const answer = await world.kitchen.api.get(`${world.path}/orders?${query}`)
    return answer.status === 200 ? answer.data.map((order: { id: string }) => order.id) : answer.status
  }
  const expected: [string, string[]][] = [
    ['', [third.id, second.id, first.id]],
    ['status=pending,confirmed', [second.id, first.id]],
    ['type=dine_in', [third.id]],
    [`customerId=${customer.id}`, [second.id]],
    [`customerId=${Bun.randomUUIDv7()}`, []],
    [`from=${first.createdAt}&to=${first.createdAt}`, [first.id]],
    ['q=1002', [second.id]],
    ['q=nora', [second.id]],
    ['q=terrace', [third.id]],
    [`q=${encodeURIComponent('0%')}`, [first.id]],
    ['q=_', []],
  ]
  for (const [query, ids] of expected) expect([query, await list(query)]).toEqual([query, ids])
  for (const query of ['status=bogus', 'status=', 'type=x', 'from=2026-01-01', 'to=9999-99-99', 'customerId=1', 'q=%00', 'sort=asc']) {
    expect([query, await list(query)]).toEqual([query, 422])
  }
  const page = await world.staff.api.get(`${world.path}/orders?limit=1&status=pending,confirmed`)
  const cursor = page.body.meta.nextCursor
  expect(await list(`limit=1&status=pending,confirmed&cursor=${cursor}`)).toEqual([first.id])
  expect(await list(`limit=1&status=pending&cursor=${cursor}`)).toBe(400)
  expect(positionOf(page, world.stream).seq).toBeGreaterThan(0)
})

test('orders belong to members; kitchen reads without address and tracking token, and writes none', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const order = await createOrder(world, product.id, { type: 'delivery', deliveryAddress: 'Main Street 1' })
  await expectMembersOnly(world, [
    ['GET', '/orders'],
    ['POST', '/orders', {}],
    ['GET', `/orders/${order.id}`],
    ['PATCH', `/orders/${order.id}`, {}],
  ])
  await expectForbidden(
    world,
    [world.kitchen],
    [
      ['POST', '/orders', { wrong: true }],
      ['PATCH', `/orders/${order.id}`, { wrong: true }],
    ],
  )
  const seen = { ...order, deliveryAddress: null, trackingToken: null }
  expect((await world.kitchen.api.get(`${world.path}/orders/${order.id}`)).data).toEqual(seen)
  expect((await world.kitchen.api.get(`${world.path}/orders`)).data).toEqual([seen])
  const key = { headers: { 'Idempotency-Key': unique('key') } }
  const change = () => world.kitchen.api.post(`${world.path}/orders/${order.id}/status`, { status: 'preparing' }, key)
  for (const answer of [await change(), await change()]) {
    expect([answer.status, answer.data.trackingToken, answer.data.deliveryAddress]).toEqual([200, null, null])
  }
  const missing = await world.staff.api.patch(`${world.path}/orders/${Bun.randomUUIDv7()}`, { wrong: true })
  expect(missing.status).toBe(404)
})

test('a kiosk takes orders without discount, and reads those it made', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const theirs = await createOrder(world, product.id)
  const kiosk = await createDevice(world)
  const path = `${world.path}/orders`
  const made = await kiosk.api.post(path, orderOf(product.id, { source: 'till', tip: 50, customer: { firstName: 'Ada' } }))
  expect([made.status, made.data.source, made.data.customerName]).toEqual([201, 'kiosk', 'Ada'])
  for (const body of [orderOf(product.id, { discount: 'much', nonsense: 1 }), orderOf(product.id, { customerId: made.data.customerId })]) {
    expect((await kiosk.api.post(path, body)).status).toBe(403)
  }
  expect((await kiosk.api.get(path)).data).toEqual([made.data])
  expect((await kiosk.api.post(path, orderOf(product.id, { discount: 0, type: 'nonsense' }))).status).toBe(422)
  expect((await kiosk.api.get(`${path}/${made.data.id}`)).data).toEqual(made.data)
  expect((await kiosk.api.get(`${path}/${theirs.id}`)).status).toBe(404)
  expect((await kiosk.api.patch(`${path}/${made.data.id}`, { note: 'x' })).status).toBe(403)
  expect((await kiosk.api.post(`${path}/${made.data.id}/status`, { status: 'cancelled' })).status).toBe(403)
  expect((await kiosk.api.get(`${path}/${made.data.id}/payments`)).status).toBe(403)
  const cursor = (await world.staff.api.get(`${path}?limit=1`)).body.meta.nextCursor
  expect((await kiosk.api.get(`${path}?limit=1&cursor=${cursor}`)).code).toBe('invalid_cursor')
})

test('200 parallel orders, some of them refused: numbers without gaps or doubles, events in their order', async () => {
  const world = await createWorld()
  const [product, rare] = [await createProduct(world), await createProduct(world, { stock: 10 })]
  const logged = await followLog(world.stream)
  const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => postOrder(world, orderOf(index % 4 === 0 ? rare.id : product.id))))
  expect(answers.filter((answer) => answer.code === 'out_of_stock')).toHaveLength(40)
  const numbers = answers.flatMap((answer) => (answer.status === 201 ? Number(answer.data.orderNumber) : [])).sort((a, b) => a - b)
  expect(numbers).toEqual(Array.from({ length: 160 }, (_, index) => 1001 + index))
  const created = (await logged()).filter((event) => event.type === 'order_created')
  expect(created.map((event) => Number(event.data.orderNumber))).toEqual(numbers)
})
