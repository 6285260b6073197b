import { expect, test } from 'bun:test'
import { ApiClient } from '../support/api'
import { type Caller, callers, matrix, type Scene } from '../support/role-matrix'
import { house, must, newOrder } from './house'

/** Reaching for what belongs to others: every route as every role, and the ids of one shop in the paths of another. */

const scene = async (): Promise<Scene> => {
  const { ours, theirs } = await house()
  return { ...ours, guest: theirs.manager }
}

/** The refusals that the matrix promises this caller and that were not given. */
async function gaps(caller: Caller): Promise<string[]> {
  const at = callers.indexOf(caller)
  const refused = matrix.filter((row) => ['401', '403', '404'].includes(row.expected.split(' ')[at] ?? '') && row.route.includes('/api/'))
  expect(refused.length).toBeGreaterThan(caller === 'owner' || caller === 'manager' ? 0 : 10)
  const shop = await scene()
  const answers = refused.map(async (row) => {
    const { params = {}, body, token = caller === 'anonymous' ? undefined : shop[caller].token } = (await row.ask?.(shop, caller)) ?? {}
    const [method = '', pattern = ''] = row.route.split(' ')
    const path = pattern.replace(/:(\w+)/g, (_, name: string) => params[name] ?? (name === 'storeId' ? shop.storeId : name))
    const { status } = await new ApiClient(shop.owner.api.server, token).request(method, path, { body })
    const expected = Number(row.expected.split(' ')[at])
    return status === expected ? [] : [`${row.route} ${row.asking ?? ''}: ${status} instead of ${expected}`]
  })
  return (await Promise.all(answers)).flat()
}

test('without a session no route of a shop or an account answers', async () => {
  expect(await gaps('anonymous')).toEqual([])
})

test('to somebody of another shop every route of this one looks missing', async () => {
  expect(await gaps('stranger')).toEqual([])
})

test('a manager gets nothing that is the owner’s', async () => {
  expect(await gaps('manager')).toEqual([])
})

test('the staff get nothing that is for managers', async () => {
  expect(await gaps('staff')).toEqual([])
})

test('a kitchen screen gets nothing beyond orders and dishes', async () => {
  expect(await gaps('kitchen')).toEqual([])
})

test('a kiosk gets nothing beyond the catalogue and its own orders', async () => {
  expect(await gaps('kiosk')).toEqual([])
})

// Ids of their rows, in the paths of one's own shop

/** What the attacker gets for a row of our shop below the path of the attacker's own. */
async function reach(
  method: string,
  below: (ids: { productId: string; categoryId: string; customerId: string; orderId: string }) => string,
  body?: unknown,
) {
  const { ours, theirs, mallory } = await house()
  return (await mallory.api.request(method, theirs.path + below(ours), { body })).status
}

test('an order of another shop is neither read nor changed through one’s own', async () => {
  expect(await reach('GET', ({ orderId }) => `/orders/${orderId}`)).toBe(404)
  expect(await reach('PATCH', ({ orderId }) => `/orders/${orderId}`, { note: 'mine' })).toBe(404)
  expect(await reach('POST', ({ orderId }) => `/orders/${orderId}/status`, { status: 'cancelled' })).toBe(404)
  expect(await reach('POST', ({ orderId }) => `/orders/${orderId}/payments`, { kind: 'payment', method: 'cash', amount: 1 })).toBe(404)
  expect(await reach('GET', ({ orderId }) => `/orders/${orderId}/payments`)).toBe(404)
})

test('a customer of another shop is neither read, changed nor exported through one’s own', async () => {
  expect(await reach('GET', ({ customerId }) => `/customers/${customerId}`)).toBe(404)
  expect(await reach('PATCH', ({ customerId }) => `/customers/${customerId}`, { note: 'mine' })).toBe(404)
  expect(await reach('GET', ({ customerId }) => `/customers/${customerId}/export`)).toBe(404)
  expect(await reach('DELETE', ({ customerId }) => `/customers/${customerId}`)).toBe(404)
})

test('a product of another shop is neither read, changed nor removed through one’s own', async () => {
  expect(await reach('GET', ({ productId }) => `/products/${productId}`)).toBe(404)
  expect(await reach('PATCH', ({ productId }) => `/products/${productId}`, { price: 1 })).toBe(404)
  expect(await reach('DELETE', ({ productId }) => `/products/${productId}`)).toBe(404)
})

test('a category of another shop is neither read, changed nor removed through one’s own', async () => {
  expect(await reach('GET', ({ categoryId }) => `/categories/${categoryId}`)).toBe(404)
  expect(await reach('PATCH', ({ categoryId }) => `/categories/${categoryId}`, { name: 'Mine' })).toBe(404)
  expect(await reach('DELETE', ({ categoryId }) => `/categories/${categoryId}`)).toBe(404)
})

test('members and devices of another shop are not removed through one’s own', async () => {
  const { ours, theirs, mallory } = await house()
  expect((await mallory.api.delete(`${theirs.path}/members/${ours.kitchen.id}`)).status).toBe(404)
  expect((await mallory.api.delete(`${theirs.path}/devices/${ours.kiosk.id}`)).status).toBe(404)
  expect((await ours.kiosk.api.get(`${ours.path}/products`)).status).toBe(200)
})

// Ids of their rows, in bodies

test('an order takes no product of another shop', async () => {
  const { ours, theirs, mallory } = await house()
  const answer = await mallory.api.post(`${theirs.path}/orders`, { type: 'pickup', items: [{ productId: ours.productId, quantity: 1 }] })
  expect(answer.status).toBe(422)
})

test('an order takes no customer of another shop, whose name it would show', async () => {
  const { ours, theirs, mallory } = await house()
  const { productId, path } = theirs
  const body = { type: 'pickup', items: [{ productId, quantity: 1 }], customerId: ours.customerId }
  expect((await mallory.api.post(`${path}/orders`, body)).status).toBe(422)
})

test('a product goes into no category of another shop', async () => {
  const { ours, theirs, mallory } = await house()
  expect((await mallory.api.post(`${theirs.path}/products`, { name: 'X', price: 1, categoryId: ours.categoryId })).status).toBe(422)
})

test('a cursor of one list opens no other', async () => {
  const { ours } = await house()
  await newOrder(ours)
  const { body } = await ours.owner.api.get(`${ours.path}/orders?limit=1`)
  const cursor = encodeURIComponent(body.meta.nextCursor)
  const elsewhere = [`${ours.path}/products?cursor=${cursor}`, `${ours.path}/orders?status=ready&cursor=${cursor}`]
  const codes = await Promise.all(elsewhere.map(async (path) => (await ours.owner.api.get(path)).code))
  expect(codes).toEqual(['invalid_cursor', 'invalid_cursor'])
})

// Climbing

test('a manager makes nobody manager, and removes no owner', async () => {
  const { ours } = await house()
  const { api } = ours.manager
  expect((await api.post(`${ours.path}/members`, { email: ours.stranger.email, role: 'manager' })).status).toBe(403)
  expect((await api.post(`${ours.path}/members`, { email: ours.stranger.email, role: 'owner' })).status).toBe(403)
  expect((await api.delete(`${ours.path}/members/${ours.owner.id}`)).status).toBe(403)
})

test('nobody gives himself a higher role', async () => {
  const { ours } = await house()
  for (const user of [ours.manager, ours.staff, ours.kitchen]) {
    expect((await user.api.patch(`${ours.path}/members/${user.id}`, { role: 'owner' })).status).toBe(403)
  }
})

test('the last owner neither leaves nor steps down', async () => {
  const { ours } = await house()
  const own = `${ours.path}/members/${ours.owner.id}`
  expect((await ours.owner.api.delete(own)).code).toBe('last_owner')
  expect((await ours.owner.api.patch(own, { role: 'staff' })).code).toBe('last_owner')
})

test('the staff change no price, whatever else they may change', async () => {
  const { ours } = await house()
  const product = `${ours.path}/products/${ours.productId}`
  expect((await ours.staff.api.patch(product, { isAvailable: true, price: 1 })).status).toBe(403)
  expect((await ours.kitchen.api.patch(product, { stock: null, name: 'Mine' })).status).toBe(403)
})

test('the staff give no money back', async () => {
  const { ours } = await house()
  const { id } = await newOrder(ours)
  must(await ours.staff.api.post(`${ours.path}/orders/${id}/payments`, { kind: 'payment', method: 'cash', amount: 100 }))
  const refund = { kind: 'refund', method: 'cash', amount: 100 }
  expect((await ours.staff.api.post(`${ours.path}/orders/${id}/payments`, refund)).status).toBe(403)
})

test('a kitchen screen completes no order and cancels none that it cooks', async () => {
  const { ours } = await house()
  const { id } = await newOrder(ours)
  const to = async (status: string) => (await ours.kitchen.api.post(`${ours.path}/orders/${id}/status`, { status })).status
  expect(await to('completed')).toBe(403)
  expect(await to('preparing')).toBe(200)
  expect(await to('cancelled')).toBe(403)
})

test('a kiosk sees no order but its own, in the list, by id and in the log', async () => {
  const { ours } = await house()
  const { api } = ours.kiosk
  expect((await api.get(`${ours.path}/orders/${ours.orderId}`)).status).toBe(404)
  const listed = must(await api.get(`${ours.path}/orders`))
  expect(listed.map((order: { id: string }) => order.id)).not.toContain(ours.orderId)
  const events = must(await api.get(`${ours.path}/events?limit=1000`))
  const foreign = (event: { type: string; userId: string }) => /^(order|customer)_/.test(event.type) && event.userId !== ours.kiosk.id
  expect(events.filter(foreign)).toEqual([])
})

test('a kiosk gives itself no discount and looks up no customer', async () => {
  const { ours } = await house()
  const order = { type: 'pickup', items: [{ productId: ours.productId, quantity: 1 }] }
  expect((await ours.kiosk.api.post(`${ours.path}/orders`, { ...order, discount: 1290 })).status).toBe(403)
  expect((await ours.kiosk.api.post(`${ours.path}/orders`, { ...order, customerId: ours.customerId })).status).toBe(403)
})

test('a kitchen screen reads no address, no tracking token and no customer, in orders and in the log', async () => {
  const { ours } = await house()
  const order = must(await ours.kitchen.api.get(`${ours.path}/orders/${ours.orderId}`))
  expect([order.deliveryAddress, order.trackingToken]).toEqual([null, null])
  const { body } = await ours.kitchen.api.get(`${ours.path}/events`)
  const text = JSON.stringify(body)
  expect(text).toContain(ours.orderId)
  expect(text).not.toContain('Geheimgasse')
  expect(text).not.toContain(ours.trackingToken)
  expect(text).not.toContain('customer_created')
})

test('the staff see no e-mail address of their colleagues', async () => {
  const { ours } = await house()
  const members = must(await ours.staff.api.get(`${ours.path}/members`))
  expect(members.filter((member: { userId: string; email: string | null }) => member.email && member.userId !== ours.staff.id)).toEqual([])
})

test('a tracking link tells of the dishes, and of no person, price or id', async () => {
  const { ours, nobody } = await house()
  const tracked = await nobody.get(`/track/${ours.trackingToken}`)
  expect(tracked.status).toBe(200)
  for (const secret of ['Clandestina', 'Geheimgasse', '1290', ours.orderId, ours.storeId, ours.staff.id]) {
    expect(JSON.stringify(tracked.body)).not.toContain(secret)
  }
})

test('the figures of the process are for the operator', async () => {
  const { base } = await house()
  // Behind the balancer the path does not exist at all.
  for (const Authorization of ['', 'Bearer wrong', 'Bearer ']) {
    const { status } = await fetch(`${base}/metrics`, { headers: { Authorization } })
    expect([401, 404]).toContain(status)
  }
})
