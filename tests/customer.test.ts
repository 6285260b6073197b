import { expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { orders } from '~/db/schema'
import { rowsOf } from '~/db/session'
import { type Answer, positionOf } from './support/api'
import { followLog } from './support/log'
import { detailPaths, expectForbidden, expectMembersOnly } from './support/refusals'
import { TestSocket } from './support/socket'
import { createOrder, createProduct, createWorld, unique, type World } from './support/world'

const erika = { firstName: 'Erika', lastName: 'Geheim', phone: '+49 30 4711', email: 'erika@private.example', note: 'rings twice' }
const personal = ['Erika', 'Geheim', '4711', 'private.example', 'rings twice']

const createCustomer = async (world: World, over: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<Answer> => {
  const answer = await world.staff.api.post(`${world.path}/customers`, { firstName: unique('Customer'), ...over }, { headers })
  expect(answer.status).toBe(201)
  return answer
}

test('a new customer keeps every field, and its event carries it whole', async () => {
  const world = await createWorld()
  const logged = await followLog(world.stream)
  const made = await createCustomer(world, erika)
  const own = { id: expect.any(String), storeId: world.storeId, version: 1, createdAt: expect.any(String), updatedAt: expect.any(String) }
  expect(made.data).toEqual({ ...erika, ...own })
  const [event] = await logged()
  const { id } = made.body.data
  expect(event).toMatchObject({ type: 'customer_created', subjectId: id, seq: positionOf(made, world.stream).seq })
  expect(event?.data).toEqual({ action: 'created', customerId: id, customerName: 'Erika Geheim', customer: made.data })
  const read = await world.manager.api.get(`${world.path}/customers/${id}`)
  expect([read.status, read.data, read.headers.get('etag')]).toEqual([200, made.data, '"1"'])
  expect(positionOf(read, world.stream).seq).toBe(event?.seq ?? -1)
  expect((await createCustomer(world, { firstName: 'Solo' })).data).toMatchObject({ lastName: null, phone: null, email: null, note: null })
})

test('every wrong and unknown field of a customer is named', async () => {
  const world = await createWorld()
  const post = (body: unknown) => world.staff.api.post(`${world.path}/customers`, body)
  const wrong = await post({ lastName: 5, phone: 'x'.repeat(41), email: 'nope', note: '\u0000', vip: true })
  expect([wrong.status, detailPaths(wrong)]).toEqual([422, ['email', 'firstName', 'lastName', 'note', 'phone', 'vip']])
  expect(detailPaths(await post({ firstName: 'x'.repeat(121), note: 'x'.repeat(1001) }))).toEqual(['firstName', 'note'])
})

test('a change makes one version and one event; a PATCH that changes nothing makes neither', async () => {
  const world = await createWorld()
  const { id } = (await createCustomer(world, erika)).body.data
  const path = `${world.path}/customers/${id}`
  const logged = await followLog(world.stream)
  const changed = await world.staff.api.patch(path, { note: 'VIP', phone: null, firstName: 'Erika' })
  expect(changed.data).toMatchObject({ note: 'VIP', phone: null, version: 2 })
  expect((await world.staff.api.patch(path, { note: 'VIP' })).data.version).toBe(2)
  const [event, ...others] = await logged()
  expect(others).toEqual([])
  expect(event?.type).toBe('customer_updated')
  expect(event?.data).toEqual({
    action: 'updated',
    customerId: id,
    customerName: 'Erika Geheim',
    customer: changed.data,
    updatedFields: { note: true, phone: true },
  })
  const headers = { 'If-Match': '"2"' }
  const raced = await Promise.all(['a', 'b'].map((note) => world.staff.api.patch(path, { note }, { headers })))
  expect(raced.map((answer) => answer.status).sort()).toEqual([200, 412])
  expect((await world.staff.api.patch(path, { note: 5 }, { headers })).status).toBe(412)
  expect((await world.staff.api.delete(path, { headers })).status).toBe(412)
})

test('q finds a plain piece of name, phone or e-mail, in any case', async () => {
  const world = await createWorld()
  const { id } = (await createCustomer(world, erika)).body.data
  const other = (await createCustomer(world, { firstName: '100%' })).body.data.id
  const found = async (q: string) =>
    (await world.staff.api.get(`${world.path}/customers?q=${encodeURIComponent(q)}`)).data.map((customer: { id: string }) => customer.id)
  for (const q of ['erika', 'GEHEIM', 'rika gehe', '4711', 'Private.Example']) expect(await found(q)).toEqual([id])
  expect(await found('%')).toEqual([other])
  expect(await found('_')).toEqual([])
  expect(await found('rings')).toEqual([])
  expect(await found('')).toEqual([other, id])
})

test('pages are newest first and complete while customers are added; the cursor is bound to store and q', async () => {
  const [world, other] = [await createWorld(), await createWorld()]
  const made: string[] = []
  for (let i = 0; i < 5; i++) made.unshift((await createCustomer(world)).body.data.id)
  const seen: string[] = []
  let cursor = ''
  do {
    const page = await world.staff.api.get(`${world.path}/customers?limit=2${cursor && `&cursor=${cursor}`}`)
    seen.push(...page.data.map((customer: { id: string }) => customer.id))
    cursor = page.body.meta.nextCursor ?? ''
    if (seen.length === 2) {
      for (const url of [`${other.path}/customers?cursor=${cursor}`, `${world.path}/customers?q=a&cursor=${cursor}`]) {
        expect((await world.owner.api.get(url)).code).toBe('invalid_cursor')
      }
      await createCustomer(world)
    }
  } while (cursor)
  expect(seen).toEqual(made)
})

test('a deleted customer leaves no name, number or note behind, in rows, log or kept answers', async () => {
  const world = await createWorld()
  const key = { 'Idempotency-Key': unique('key') }
  const customer = (await createCustomer(world, erika, key)).body.data
  const other = (await createCustomer(world, { firstName: 'Otto' })).body.data
  const product = await createProduct(world)
  const orderKey = { 'Idempotency-Key': unique('key') }
  const orderBody = { type: 'pickup', items: [{ productId: product.id, quantity: 1 }], customerId: customer.id }
  const order = (await world.staff.api.post(`${world.path}/orders`, orderBody, { headers: orderKey })).data
  expect(order.customerName).toBe('Erika Geheim')
  const moved = await createOrder(world, product.id, { customerId: customer.id })
  await world.staff.api.patch(`${world.path}/orders/${moved.id}`, { customerId: other.id })
  await world.staff.api.patch(`${world.path}/customers/${customer.id}`, { note: 'rings twice, loudly' })
  const logged = await followLog(world.stream)

  const deleted = await world.staff.api.delete(`${world.path}/customers/${customer.id}`)
  expect(deleted.status).toBe(200)
  expect(deleted.data).toMatchObject({
    id: customer.id,
    firstName: 'Deleted customer',
    lastName: null,
    phone: null,
    email: null,
    note: null,
    version: 3,
  })
  expect((await logged()).map((event) => [event.type, event.data])).toEqual([
    ['customer_updated', { action: 'deleted', customerId: customer.id, customerName: 'Deleted customer', customer: deleted.data }],
  ])

  const kept = JSON.stringify([
    await rowsOf(db, sql`select data from events where stream = ${world.stream}`),
    await rowsOf(db, sql`select * from customers where store_id = ${world.storeId}`),
    await rowsOf(db, sql`select * from orders where store_id = ${world.storeId}`),
    await rowsOf(db, sql`select answer from idempotency_keys where path like ${`%${world.storeId}%`}`),
  ])
  expect(personal.filter((piece) => kept.includes(piece))).toEqual([])
  expect(kept).toContain('Otto')

  const after = (await world.staff.api.get(`${world.path}/orders/${order.id}`)).data
  expect(after).toEqual({ ...order, customerName: null })
  expect((await world.staff.api.get(`${world.path}/orders/${moved.id}`)).data.customerName).toBe('Otto')
  const replayed = await world.staff.api.post(`${world.path}/orders`, orderBody, { headers: orderKey })
  expect([replayed.status, replayed.headers.get('idempotent-replayed'), replayed.data]).toEqual([201, 'true', { ...order, customerName: null }])
  const replayedCustomer = await world.staff.api.post(`${world.path}/customers`, { ...erika }, { headers: key })
  expect(replayedCustomer.data.firstName).toBe('Deleted customer')
})

test('an answer kept of an order that has another customer by now is found where the log ends later', async () => {
  const world = await createWorld()
  const customer = (await createCustomer(world, erika)).body.data
  const other = (await createCustomer(world, { firstName: 'Otto' })).body.data
  const product = await createProduct(world)
  const body = { type: 'pickup', items: [{ productId: product.id, quantity: 1 }], customerId: customer.id }
  const headers = { 'Idempotency-Key': unique('key') }
  const order = (await world.staff.api.post(`${world.path}/orders`, body, { headers })).data
  await world.staff.api.patch(`${world.path}/orders/${order.id}`, { customerId: other.id })
  await db.execute(sql`delete from events where stream = ${world.stream}`)
  expect((await world.staff.api.delete(`${world.path}/customers/${customer.id}`)).status).toBe(200)
  const replayed = await world.staff.api.post(`${world.path}/orders`, body, { headers })
  expect([replayed.status, replayed.data.id, replayed.data.customerName]).toEqual([201, order.id, null])
})

test('what the log told before a deletion keeps its place and shape', async () => {
  const world = await createWorld()
  const before = await followLog(world.stream)
  const again = await followLog(world.stream)
  const { id } = (await createCustomer(world, erika)).body.data
  const product = await createProduct(world)
  await createOrder(world, product.id, { customerId: id })
  const told = await before()
  await world.staff.api.delete(`${world.path}/customers/${id}`)
  const now = (await again()).slice(0, told.length)
  expect(now.map(({ seq, id, type, timestamp }) => ({ seq, id, type, timestamp }))).toEqual(
    told.map(({ seq, id, type, timestamp }) => ({ seq, id, type, timestamp })),
  )
  const [createdBefore, createdNow] = [told, now].map((events) => events.find((event) => event.type === 'customer_created')?.data)
  expect(createdNow).toEqual({
    ...createdBefore,
    customerName: 'Deleted customer',
    customer: { ...createdBefore.customer, firstName: 'Deleted customer', lastName: null, phone: null, email: null, note: null },
  })
  const [orderBefore, orderNow] = [told, now].map((events) => events.find((event) => event.type === 'order_created')?.data)
  expect(orderNow).toEqual({ ...orderBefore, order: { ...orderBefore.order, customerName: null } })
  expect(now.find((event) => event.type === 'product_updated')?.data).toEqual(told.find((event) => event.type === 'product_updated')?.data)
})

test('a socket that comes back after a deletion is told nothing of the person any more', async () => {
  const world = await createWorld()
  const { owner, storeId, stream } = world
  const listener = await TestSocket.open({ token: owner.token })
  await listener.authenticate({ userId: owner.id, storeId })
  const before = positionOf(await owner.api.get(world.path), stream)
  const { id } = (await createCustomer(world, erika)).body.data
  await createOrder(world, (await createProduct(world)).id, { customerId: id })
  const heard = await listener.next('order_created')
  expect(heard.data.order.customerName).toBe('Erika Geheim')
  const deleted = positionOf(await world.staff.api.delete(`${world.path}/customers/${id}`), stream)

  const returning = await TestSocket.open({ token: owner.token })
  await returning.authenticate({ userId: owner.id, storeId, resume: { [stream]: before } })
  await returning.next((frame) => frame.seq === deleted.seq)
  const told = returning.events(stream)
  expect(told.map((frame) => frame.type)).toEqual(['customer_created', 'product_updated', 'order_created', 'customer_updated'])
  expect(personal.filter((piece) => JSON.stringify(told).includes(piece))).toEqual([])
  listener.close()
  returning.close()
})

test('an order taken while its customer is deleted keeps no name either', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  for (let round = 0; round < 4; round++) {
    const { id } = (await createCustomer(world, erika)).body.data
    const open = await createOrder(world, product.id)
    const take = () =>
      world.staff.api.post(`${world.path}/orders`, { type: 'pickup', items: [{ productId: product.id, quantity: 1 }], customerId: id })
    const [first, deleted, patched, second] = await Promise.all([
      take(),
      world.staff.api.delete(`${world.path}/customers/${id}`),
      world.staff.api.patch(`${world.path}/orders/${open.id}`, { customerId: id }),
      take(),
    ])
    expect(deleted.status).toBe(200)
    for (const answer of [first, patched, second]) expect([200, 201, 422]).toContain(answer.status)
    const named = await db.select({ name: orders.customerName }).from(orders).where(eq(orders.customerId, id))
    expect(named.filter((order) => order.name !== null)).toEqual([])
  }
  const log = JSON.stringify(await rowsOf(db, sql`select data from events where stream = ${world.stream}`))
  expect(personal.filter((piece) => log.includes(piece))).toEqual([])
})

test('a deleted customer is not found, and cannot be ordered for', async () => {
  const world = await createWorld()
  const { id } = (await createCustomer(world, erika)).body.data
  const path = `${world.path}/customers/${id}`
  expect((await world.staff.api.delete(path)).status).toBe(200)
  for (const answer of [await world.staff.api.get(path), await world.staff.api.patch(path, { note: 5 }), await world.staff.api.delete(path)]) {
    expect([answer.status, answer.code]).toEqual([404, 'not_found'])
  }
  expect((await world.staff.api.get(`${world.path}/customers`)).data).toEqual([])
})

test('the export holds the customer and its orders, newest first, for managers only', async () => {
  const world = await createWorld()
  const customer = (await createCustomer(world, erika)).body.data
  const product = await createProduct(world)
  const made = [await createOrder(world, product.id, { customerId: customer.id }), await createOrder(world, product.id, { customerId: customer.id })]
  const last = await world.staff.api.post(`${world.path}/orders`, { type: 'pickup', items: [{ productId: product.id, quantity: 1 }] })
  const path = `${world.path}/customers/${customer.id}/export`
  const exported = await world.manager.api.get(path)
  expect([exported.status, exported.data]).toEqual([200, { customer, orders: made.reverse() }])
  expect(positionOf(exported, world.stream)).toEqual(positionOf(last, world.stream))
  await expectMembersOnly(world, [['GET', `/customers/${customer.id}/export`]])
  await expectForbidden(world, [world.staff, world.kitchen], [['GET', `/customers/${customer.id}/export`]])
  await world.staff.api.delete(`${world.path}/customers/${customer.id}`)
  expect((await world.manager.api.get(path)).status).toBe(404)
})

test('kitchen, strangers and the unknown have no customers', async () => {
  const [world, other] = [await createWorld(), await createWorld()]
  const { id } = (await createCustomer(world, erika)).body.data
  await expectMembersOnly(world, [
    ['GET', '/customers'],
    ['POST', '/customers', { firstName: 'x' }],
    ['GET', `/customers/${id}`],
    ['PATCH', `/customers/${id}`, { note: 'x' }],
    ['DELETE', `/customers/${id}`],
  ])
  await expectForbidden(
    world,
    [world.kitchen],
    [
      ['GET', '/customers'],
      ['POST', '/customers', { nonsense: 1 }],
      ['GET', `/customers/${id}`],
      ['PATCH', `/customers/${id}`, { note: 'x' }],
      ['DELETE', `/customers/${id}`],
    ],
  )
  expect((await other.owner.api.get(`${other.path}/customers/${id}`)).status).toBe(404)
})
