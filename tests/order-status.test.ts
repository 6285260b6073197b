import { expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { db } from '~/db/client'
import { orders } from '~/db/schema'
import { positionOf } from './support/api'
import { followLog } from './support/log'
import { detailPaths, expectMembersOnly } from './support/refusals'
import { createDevice, createOrder, createProduct, createWorld, type World } from './support/world'

const statuses = ['pending', 'confirmed', 'preparing', 'ready', 'completed', 'rejected', 'cancelled'] as const
type Status = (typeof statuses)[number]
const roles = ['owner', 'manager', 'staff', 'kitchen'] as const
type Role = (typeof roles)[number]

/** The table of the contract, as it stands there. */
const mayBecome: Record<Status, Status[]> = {
  pending: ['confirmed', 'preparing', 'rejected', 'cancelled', 'completed'],
  confirmed: ['preparing', 'cancelled', 'completed'],
  preparing: ['ready', 'cancelled'],
  ready: ['completed', 'preparing', 'cancelled'],
  completed: ['ready'],
  rejected: [],
  cancelled: [],
}
const managersOnly = ['preparing>cancelled', 'ready>cancelled', 'completed>ready']
const notKitchen = ['pending>completed', 'confirmed>completed']

const waysTo: Record<Status, Status[]> = {
  pending: [],
  confirmed: ['confirmed'],
  preparing: ['preparing'],
  ready: ['preparing', 'ready'],
  completed: ['preparing', 'ready', 'completed'],
  rejected: ['rejected'],
  cancelled: ['cancelled'],
}

function expectedOutcome(from: Status, to: Status, role: Role): string {
  const step = `${from}>${to}`
  if (from === to) return '200 same'
  if (!mayBecome[from].includes(to)) return '409 invalid_transition'
  const isRefused = (managersOnly.includes(step) && (role === 'staff' || role === 'kitchen')) || (notKitchen.includes(step) && role === 'kitchen')
  return isRefused ? '403 forbidden' : '200 changed'
}

const setStatus = (world: World, role: Role, id: string, body: unknown) => world[role].api.post(`${world.path}/orders/${id}/status`, body)

async function orderIn(world: World, productId: string, status: Status) {
  let order = await createOrder(world, productId)
  for (const step of waysTo[status]) order = (await setStatus(world, 'manager', order.id, { status: step })).data
  return order
}

for (const role of roles) {
  test(`all 49 transitions as ${role}`, async () => {
    const world = await createWorld()
    const product = await createProduct(world)
    const steps = statuses.flatMap((from) => statuses.map((to) => [from, to] as const))
    const outcomes = await Promise.all(
      steps.map(async ([from, to]) => {
        const order = await orderIn(world, product.id, from)
        const answer = await setStatus(world, role, order.id, { status: to })
        const now = (await world.owner.api.get(`${world.path}/orders/${order.id}`)).data
        const isSame = now.version === order.version && now.status === from
        const isChanged = now.version === order.version + 1 && now.status === to
        const outcome = answer.code ?? (isSame ? 'same' : isChanged ? 'changed' : 'neither')
        return `${from}>${to}: ${answer.status} ${outcome}${answer.code && !isSame ? ' but changed' : ''}`
      }),
    )
    expect(outcomes).toEqual(steps.map(([from, to]) => `${from}>${to}: ${expectedOutcome(from, to, role)}`))
  })
}

test('a change keeps actor, time and reason, and tells the status before', async () => {
  const world = await createWorld()
  const order = await createOrder(world, (await createProduct(world)).id)
  const logged = await followLog(world.stream)
  await setStatus(world, 'kitchen', order.id, { status: 'preparing' })
  const answer = await setStatus(world, 'manager', order.id, { status: 'cancelled', reason: 'burnt' })
  expect([answer.status, answer.headers.get('etag'), answer.body.message]).toEqual([200, '"3"', 'Order status changed'])
  expect(answer.data.statusHistory).toEqual([
    { status: 'pending', at: order.createdAt, userId: world.staff.id, reason: null },
    { status: 'preparing', at: expect.any(String), userId: world.kitchen.id, reason: null },
    { status: 'cancelled', at: answer.data.updatedAt, userId: world.manager.id, reason: 'burnt' },
  ])
  const events = await logged()
  expect(events.map((event) => [event.type, event.data.previousStatus, event.data.status, event.userId])).toEqual([
    ['order_status_changed', 'pending', 'preparing', world.kitchen.id],
    ['order_status_changed', 'preparing', 'cancelled', world.manager.id],
  ])
  const { id, orderNumber, items } = order
  expect(events[1]?.data).toEqual({
    action: 'status_changed',
    orderId: id,
    orderNumber,
    status: 'cancelled',
    previousStatus: 'preparing',
    items,
    order: answer.data,
  })
  expect(positionOf(answer, world.stream).seq).toBe(events[1]?.seq ?? 0)
})

test('a refusal names what the status may become', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const refused = async (from: Status, to: Status) => {
    const answer = await setStatus(world, 'kitchen', (await orderIn(world, product.id, from)).id, { status: to })
    return [answer.status, answer.body.error.details]
  }
  const details = (message: string) => [409, [{ path: 'status', message }]]
  expect(await refused('pending', 'ready')).toEqual(details('pending may become confirmed, preparing, rejected, cancelled, completed'))
  expect(await refused('cancelled', 'pending')).toEqual(details('cancelled may become nothing'))
})

test('a completed order is reopened within 24 hours of its completion, not later', async () => {
  const world = await createWorld()
  const order = await orderIn(world, (await createProduct(world)).id, 'completed')
  const completedAgo = async (hours: number) => {
    const at = new Date(Date.now() - hours * 3_600_000).toISOString()
    const [row] = await db.select().from(orders).where(eq(orders.id, order.id))
    const statusHistory = (row?.statusHistory ?? []).map((change) => ({ ...change, at }))
    await db.update(orders).set({ statusHistory }).where(eq(orders.id, order.id))
  }
  await completedAgo(24.01)
  for (const role of ['manager', 'staff'] as const) {
    const late = await setStatus(world, role, order.id, { status: 'ready' })
    expect([late.status, late.code]).toEqual([409, 'invalid_transition'])
  }
  await completedAgo(23.99)
  expect((await setStatus(world, 'staff', order.id, { status: 'ready' })).status).toBe(403)
  expect((await setStatus(world, 'manager', order.id, { status: 'ready' })).status).toBe(200)
})

test('racing changes run one after the other: the later one is judged against the new status', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const logged = await followLog(world.stream)
  for (let round = 0; round < 10; round++) {
    const { id } = await orderIn(world, product.id, 'ready')
    const raced = await Promise.all([
      setStatus(world, 'manager', id, { status: 'completed' }),
      setStatus(world, 'owner', id, { status: 'cancelled' }),
      setStatus(world, 'staff', id, { status: 'ready' }),
    ])
    const [completed, cancelled] = raced.map((answer) => answer.status)
    expect([completed, cancelled].sort()).toEqual([200, 409])
    const { statusHistory, version } = (await world.staff.api.get(`${world.path}/orders/${id}`)).data
    const times = statusHistory.map((change: { at: string }) => change.at)
    expect(times).toEqual([...times].sort())
    const changes = (await logged()).filter((event) => event.type === 'order_status_changed' && event.subjectId === id)
    expect([changes.length, statusHistory.length]).toEqual([version - 1, version])
  }
})

test('wrong fields are named, after a missing order and after the right to the status asked for', async () => {
  const world = await createWorld()
  const order = await orderIn(world, (await createProduct(world)).id, 'preparing')
  const wrong = await setStatus(world, 'staff', order.id, { status: 'flying', reason: 'x'.repeat(1001), at: 1 })
  expect([wrong.status, detailPaths(wrong)]).toEqual([422, ['at', 'reason', 'status']])
  expect((await setStatus(world, 'kitchen', order.id, { status: 'cancelled', reason: 5 })).status).toBe(403)
  expect((await setStatus(world, 'manager', order.id, { status: 'cancelled', reason: 5 })).status).toBe(422)
  expect((await setStatus(world, 'kitchen', order.id, { status: 'pending', reason: 5 })).status).toBe(422)
  for (const body of [{ status: 'ready' }, { status: 5 }]) expect((await setStatus(world, 'staff', Bun.randomUUIDv7(), body)).status).toBe(404)
})

test('only members but no kiosk may change a status', async () => {
  const world = await createWorld()
  const order = await createOrder(world, (await createProduct(world)).id)
  await expectMembersOnly(world, [['POST', `/orders/${order.id}/status`, { status: 'confirmed' }]])
  const kiosk = await createDevice(world)
  expect((await kiosk.api.post(`${world.path}/orders/${order.id}/status`, { status: 'confirmed' })).status).toBe(403)
  const [other] = [await createWorld()]
  expect((await world.staff.api.post(`${other.path}/orders/${order.id}/status`, { status: 'confirmed' })).status).toBe(404)
})
