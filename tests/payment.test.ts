import { expect, test } from 'bun:test'
import { positionOf } from './support/api'
import { followLog } from './support/log'
import { detailPaths, expectForbidden, expectMembersOnly } from './support/refusals'
import { createDevice, createOrder, createProduct, createWorld, type World } from './support/world'

async function openOrder(price = 1000) {
  const world = await createWorld()
  const order = await createOrder(world, (await createProduct(world, { price })).id)
  return { world, order, path: `${world.path}/orders/${order.id}` }
}
const pay = (world: World, path: string, amount: number, kind = 'payment') =>
  world.manager.api.post(`${path}/payments`, { kind, method: 'card', amount })

test('a payment is booked, and the order told of with its next version', async () => {
  const { world, order, path } = await openOrder()
  const logged = await followLog(world.stream)
  const answer = await world.staff.api.post(`${path}/payments`, { kind: 'payment', method: 'cash', amount: 400, reference: 'r1' })
  expect([answer.status, answer.body.message]).toEqual([201, 'Payment booked'])
  expect(answer.data).toEqual({
    id: expect.any(String),
    kind: 'payment',
    method: 'cash',
    amount: 400,
    reference: 'r1',
    userId: world.staff.id,
    createdAt: expect.any(String),
  })
  const [event, ...others] = await logged()
  expect(others).toEqual([])
  expect(event).toMatchObject({ type: 'order_updated', seq: positionOf(answer, world.stream).seq, subjectId: order.id })
  const now = (await world.staff.api.get(path)).data
  expect(now).toEqual({ ...order, amountPaid: 400, paymentStatus: 'partial', version: 2, updatedAt: now.updatedAt })
  expect(event?.data.order).toEqual(now)
})

test('unpaid, partial, paid, refunded; never more than is due, never back more than was paid', async () => {
  const { world, path } = await openOrder()
  const state = async () => {
    const { paymentStatus, amountPaid } = (await world.staff.api.get(path)).data
    return `${paymentStatus} ${amountPaid}`
  }
  const steps: [kind: string, amount: number, outcome: number | string, after: string][] = [
    ['refund', 1, 'refund_exceeds_paid', 'unpaid 0'],
    ['payment', 1001, 'overpaid', 'unpaid 0'],
    ['payment', 400, 201, 'partial 400'],
    ['payment', 601, 'overpaid', 'partial 400'],
    ['payment', 600, 201, 'paid 1000'],
    ['payment', 1, 'overpaid', 'paid 1000'],
    ['refund', 1001, 'refund_exceeds_paid', 'paid 1000'],
    ['refund', 300, 201, 'partial 700'],
    ['refund', 700, 201, 'refunded 0'],
    ['payment', 1, 201, 'partial 1'],
  ]
  for (const [kind, amount, outcome, after] of steps) {
    const answer = await pay(world, path, amount, kind)
    expect([kind, amount, answer.code ?? answer.status, await state()]).toEqual([kind, amount, outcome, after])
  }
})

test('payment and status leave each other alone, after the end as well', async () => {
  const { world, path } = await openOrder()
  await pay(world, path, 600)
  const cancelled = await world.staff.api.post(`${path}/status`, { status: 'cancelled' })
  expect(cancelled.data).toMatchObject({ status: 'cancelled', paymentStatus: 'partial', amountPaid: 600 })
  expect((await pay(world, path, 600, 'refund')).status).toBe(201)
  expect((await pay(world, path, 1000)).status).toBe(201)
  expect((await world.staff.api.get(path)).data).toMatchObject({ status: 'cancelled', paymentStatus: 'paid', version: 5 })
})

test('racing refunds never give back more than was paid, racing payments never take more than is due', async () => {
  const { world, path } = await openOrder()
  const codes = async (amount: number, kind: string) => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => pay(world, path, amount, kind)))
    return answers.map((answer) => answer.code ?? 'ok').sort()
  }
  expect(await codes(1000, 'payment')).toEqual(['ok', ...Array(9).fill('overpaid')])
  expect(await codes(400, 'refund')).toEqual(['ok', 'ok', ...Array(8).fill('refund_exceeds_paid')])
  expect((await world.staff.api.get(path)).data).toMatchObject({ amountPaid: 200, paymentStatus: 'partial', version: 4 })
})

test('payments are listed newest first, by pages that belong to their order', async () => {
  const { world, path } = await openOrder()
  const made = []
  for (const amount of [1, 2, 3]) made.unshift((await pay(world, path, amount)).data)
  const first = await world.staff.api.get(`${path}/payments?limit=2`)
  const second = await world.staff.api.get(`${path}/payments?limit=2&cursor=${first.body.meta.nextCursor}`)
  expect([...first.data, ...second.data]).toEqual(made)
  expect([second.body.meta, positionOf(first, world.stream).seq > 0]).toEqual([{ nextCursor: null, limit: 2 }, true])
  const other = await createOrder(world, (await createProduct(world)).id)
  const foreign = await world.staff.api.get(`${world.path}/orders/${other.id}/payments?cursor=${first.body.meta.nextCursor}`)
  expect(foreign.code).toBe('invalid_cursor')
  expect((await world.staff.api.get(`${world.path}/orders/${other.id}/payments`)).data).toEqual([])
})

test('wrong and unknown fields are named', async () => {
  const { world, path } = await openOrder()
  const post = (body: unknown) => world.manager.api.post(`${path}/payments`, body)
  const wrong = await post({ kind: 'gift', method: 'gold', amount: 0, reference: 'x'.repeat(256), currency: 'EUR' })
  expect([wrong.status, detailPaths(wrong)]).toEqual([422, ['amount', 'currency', 'kind', 'method', 'reference']])
  for (const amount of [-5, 1.5, '1', 100_000_000_000]) {
    expect(detailPaths(await post({ kind: 'payment', method: 'cash', amount }))).toEqual(['amount'])
  }
})

test('staff pays, only a manager refunds; kitchen and kiosk do neither', async () => {
  const { world, order, path } = await openOrder()
  const route = `/orders/${order.id}/payments`
  await expectMembersOnly(world, [
    ['GET', route],
    ['POST', route, {}],
  ])
  const kiosk = await createDevice(world)
  const readOrPay: [string, string, unknown?][] = [
    ['GET', route],
    ['POST', route, { kind: 'payment', method: 'cash', amount: 1 }],
  ]
  await expectForbidden(world, [world.kitchen], readOrPay)
  for (const [method, , body] of readOrPay) expect((await kiosk.api.request(method, `${path}/payments`, { body })).status).toBe(403)
  await expectForbidden(world, [world.staff], [['POST', route, { kind: 'refund', amount: 'much' }]])
  const missing = `${world.path}/orders/${Bun.randomUUIDv7()}/payments`
  for (const answer of [await world.manager.api.get(missing), await world.manager.api.post(missing, { kind: 'gift' })]) {
    expect(answer.status).toBe(404)
  }
  const other = await createWorld()
  expect((await other.manager.api.get(`${other.path}/orders/${order.id}/payments`)).status).toBe(404)
})

test('a repeated payment under one key is booked once', async () => {
  const { world, path } = await openOrder()
  const once = () =>
    world.staff.api.post(
      `${path}/payments`,
      { kind: 'payment', method: 'cash', amount: 300 },
      { headers: { 'Idempotency-Key': `pay-${path.slice(-12)}` } },
    )
  const [first, again] = [await once(), await once()]
  expect([again.data, again.headers.get('idempotent-replayed')]).toEqual([first.data, 'true'])
  expect((await world.staff.api.get(path)).data.amountPaid).toBe(300)
})
