import { expect, test } from 'bun:test'
import { fresh, house, must, newOrder } from './house'

/** Bending the rules of the shop: figures that a client may not choose, and many requests at the same moment. */

const take = async (over: object) => {
  const { ours } = await house()
  return ours.staff.api.post(`${ours.path}/orders`, { type: 'pickup', items: [{ productId: ours.productId, quantity: 1 }], ...over })
}

/** The paths that a 422 names. */
// biome-ignore lint/suspicious/noExplicitAny: whatever came; a wrong shape fails the assertion
const named = (answer: { status: number; body: any }): string[] => (answer.body?.error?.details ?? []).map((detail: { path: string }) => detail.path)

test('an order’s totals, state and owner are not the client’s to set', async () => {
  const { theirs } = await house()
  const computed = {
    total: 1,
    subtotal: 1,
    tax: 0,
    amountPaid: 9999,
    paymentStatus: 'paid',
    status: 'completed',
    storeId: theirs.storeId,
    createdBy: 'x',
  }
  const answer = await take(computed)
  expect([answer.status, named(answer).sort()]).toEqual([422, Object.keys(computed).sort()])
})

test('a line’s price is not the client’s to set', async () => {
  const { ours } = await house()
  const answer = await take({ items: [{ productId: ours.productId, quantity: 1, unitPrice: 1, lineTotal: 1, taxRateBps: 0 }] })
  expect([answer.status, named(answer).sort()]).toEqual([422, ['items.0.lineTotal', 'items.0.taxRateBps', 'items.0.unitPrice']])
})

test('a product does not move to another shop, nor does its version', async () => {
  const { ours, theirs } = await house()
  const answer = await ours.manager.api.patch(`${ours.path}/products/${ours.productId}`, {
    storeId: theirs.storeId,
    version: 99,
    id: theirs.productId,
  })
  expect([answer.status, named(answer).sort()]).toEqual([422, ['id', 'storeId', 'version']])
})

test('a user does not become a device, nor somebody else', async () => {
  const { mallory, ours } = await house()
  const answer = await mallory.api.patch('/users/profile', { kind: 'device', id: ours.owner.id, email: ours.owner.email, passwordHash: 'x' })
  expect([answer.status, named(answer).sort()]).toEqual([422, ['email', 'id', 'kind', 'passwordHash']])
})

test('a payment is in nobody else’s name and at no other time', async () => {
  const { ours } = await house()
  const { id } = await newOrder(ours)
  const body = { kind: 'payment', method: 'cash', amount: 1, userId: ours.owner.id, createdAt: '2020-01-01T00:00:00.000Z' }
  const answer = await ours.staff.api.post(`${ours.path}/orders/${id}/payments`, body)
  expect([answer.status, named(answer).sort()]).toEqual([422, ['createdAt', 'userId']])
})

test('a discount never exceeds what is sold', async () => {
  const answer = await take({ discount: 1291 })
  expect([answer.status, named(answer)]).toEqual([422, ['discount']])
})

test('figures below zero, with fractions or beyond all measure are refused', async () => {
  const { ours } = await house()
  const line = (quantity: unknown) => ({ items: [{ productId: ours.productId, quantity }] })
  const wrong = [line(0), line(-1), line(1.5), line(1000), line('1'), { tip: -1 }, { discount: -1 }, { deliveryFee: 1e12 }, { serviceCharge: 0.5 }]
  expect((await Promise.all(wrong.map(async (over) => (await take(over)).status))).filter((status) => status !== 422)).toEqual([])
})

test('a price below zero is refused', async () => {
  const { ours } = await house()
  expect((await ours.manager.api.post(`${ours.path}/products`, { name: 'Gift', price: -100 })).status).toBe(422)
})

test('an option does not bring a price below zero', async () => {
  const { ours } = await house()
  const options = [{ id: 'less', name: 'Less', priceDelta: -500 }]
  const product = must(
    await ours.manager.api.post(`${ours.path}/products`, {
      name: 'Tea',
      price: 300,
      modifierGroups: [{ id: 'g', name: 'G', min: 0, max: 1, options }],
    }),
  )
  const items = [{ productId: product.id, quantity: 1, modifiers: [{ groupId: 'g', optionId: 'less' }] }]
  expect((await take({ items })).status).toBe(422)
})

test('one option is not chosen twice', async () => {
  const { ours } = await house()
  const options = [{ id: 'more', name: 'More', priceDelta: 0 }]
  const product = must(
    await ours.manager.api.post(`${ours.path}/products`, {
      name: 'Tea',
      price: 300,
      modifierGroups: [{ id: 'g', name: 'G', min: 0, max: 3, options }],
    }),
  )
  const twice = { groupId: 'g', optionId: 'more' }
  expect((await take({ items: [{ productId: product.id, quantity: 1, modifiers: [twice, twice] }] })).status).toBe(422)
})

test('no more is given back than was paid', async () => {
  const { ours } = await house()
  const { id } = await newOrder(ours)
  const pay = (kind: string, amount: number) => ours.manager.api.post(`${ours.path}/orders/${id}/payments`, { kind, method: 'cash', amount })
  must(await pay('payment', 100))
  expect((await pay('refund', 101)).code).toBe('refund_exceeds_paid')
})

test('of twenty payments of the whole sum at once one is taken', async () => {
  const { ours } = await house()
  const { id, total } = await newOrder(ours)
  const pay = () => ours.staff.api.post(`${ours.path}/orders/${id}/payments`, { kind: 'payment', method: 'card', amount: total })
  const statuses = (await Promise.all(Array.from({ length: 20 }, pay))).map(({ status }) => status)
  expect(statuses.filter((status) => status === 201)).toHaveLength(1)
})

test('of twenty refunds at once one is given', async () => {
  const { ours } = await house()
  const { id, total } = await newOrder(ours)
  const book = (kind: string) => ours.manager.api.post(`${ours.path}/orders/${id}/payments`, { kind, method: 'cash', amount: total })
  must(await book('payment'))
  const statuses = (await Promise.all(Array.from({ length: 20 }, () => book('refund')))).map(({ status }) => status)
  expect(statuses.filter((status) => status === 201)).toHaveLength(1)
})

test('of thirty orders of the last five pieces five are taken, and of thirty changes to orders five', async () => {
  const { ours } = await house()
  const last = async () => must(await ours.manager.api.post(`${ours.path}/products`, { name: fresh('Last'), price: 100, stock: 5 })).id
  const stockOf = async (id: string) => must(await ours.staff.api.get(`${ours.path}/products/${id}`)).stock
  const sold = await last()
  const orders = await Promise.all(Array.from({ length: 30 }, () => take({ items: [{ productId: sold, quantity: 1 }] })))
  expect(orders.filter(({ status }) => status === 201)).toHaveLength(5)
  expect(await stockOf(sold)).toBe(0)
  // New orders wait for their number and so for each other; changed ones have nothing but the stock to wait for.
  const added = await last()
  const others = await Promise.all(Array.from({ length: 30 }, () => take({})))
  const changes = others.map(({ data }) =>
    ours.staff.api.patch(`${ours.path}/orders/${data.id}`, {
      items: [
        { id: data.items[0].id, quantity: 1 },
        { productId: added, quantity: 1 },
      ],
    }),
  )
  const statuses = (await Promise.all(changes)).map(({ status }) => status)
  expect([statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 409).length]).toEqual([5, 25])
  expect(await stockOf(added)).toBe(0)
})

test('one line of many pieces, split over two, takes no more than there is', async () => {
  const { ours } = await house()
  const product = must(await ours.manager.api.post(`${ours.path}/products`, { name: fresh('Few'), price: 100, stock: 3 }))
  const line = { productId: product.id, quantity: 2 }
  expect((await take({ items: [line, line] })).code).toBe('out_of_stock')
})

test('the same key at the same moment makes one order', async () => {
  const { ours } = await house()
  const headers = { 'Idempotency-Key': fresh('key') }
  const body = { type: 'pickup', items: [{ productId: ours.productId, quantity: 1 }] }
  const answers = await Promise.all(Array.from({ length: 10 }, () => ours.staff.api.post(`${ours.path}/orders`, body, { headers })))
  expect(new Set(answers.flatMap(({ data }) => data?.id ?? [])).size).toBe(1)
})

test('a key of one’s own does not bring back the answer of somebody else', async () => {
  const { ours } = await house()
  const headers = { 'Idempotency-Key': fresh('key') }
  const body = { type: 'pickup', items: [{ productId: ours.productId, quantity: 1 }] }
  const first = must(await ours.staff.api.post(`${ours.path}/orders`, body, { headers }))
  const second = must(await ours.kiosk.api.post(`${ours.path}/orders`, body, { headers }))
  expect(second.id).not.toBe(first.id)
})

test('a step that an order may not take is refused, whoever takes it', async () => {
  const { ours } = await house()
  const { id } = await newOrder(ours)
  const to = async (status: string) => (await ours.owner.api.post(`${ours.path}/orders/${id}/status`, { status })).code
  must(await ours.owner.api.post(`${ours.path}/orders/${id}/status`, { status: 'rejected' }))
  expect([await to('completed'), await to('pending'), await to('preparing')]).toEqual([
    'invalid_transition',
    'invalid_transition',
    'invalid_transition',
  ])
})

test('a closed shop takes no orders', async () => {
  const { theirs, mallory } = await house()
  must(await mallory.api.patch(theirs.path, { isOpen: false }))
  const order = await mallory.api.post(`${theirs.path}/orders`, { type: 'pickup', items: [{ productId: theirs.productId, quantity: 1 }] })
  must(await mallory.api.patch(theirs.path, { isOpen: true }))
  expect(order.code).toBe('store_closed')
})

test('an order id of another shop is taken without a word of what it is', async () => {
  const { ours, theirs, mallory } = await house()
  const body = { id: ours.orderId, type: 'pickup', items: [{ productId: theirs.productId, quantity: 1 }] }
  const answer = await mallory.api.post(`${theirs.path}/orders`, body)
  expect([answer.code, answer.body.data]).toEqual(['id_taken', null])
})
