import { expect, test } from 'bun:test'
import { and, desc, eq, isNull, sql } from 'drizzle-orm'
import { recordAudit } from '~/db/audit'
import { db } from '~/db/client'
import { auditLog } from '~/db/schema'
import { inTransaction } from '~/db/transaction'
import type { AuditEntry } from '~/utils/contracts/audit'
import { ApiClient, anonymous, positionOf } from './support/api'
import { expectForbidden, expectMembersOnly } from './support/refusals'
import { createOrder, createProduct, createWorld, registerUser, type TestUser, type World } from './support/world'

/** What the owner reads, oldest first, without ids and times. */
async function auditOf(world: World): Promise<string[][]> {
  const { data } = await world.owner.api.get<AuditEntry[]>(`${world.path}/audit?limit=100`)
  const names = new Map(Object.entries(world).flatMap(([name, value]) => (typeof value === 'object' ? [[(value as TestUser).id, name]] : [])))
  return data.map((entry) => [names.get(entry.userId) ?? '', entry.action, names.get(entry.targetId ?? '') ?? entry.targetId ?? '']).reverse()
}

/** What happened in a store that already has its members. */
async function auditSince(world: World, work: () => Promise<unknown>): Promise<string[][]> {
  const before = await auditOf(world)
  await work()
  return (await auditOf(world)).slice(before.length)
}

const accountAudit = (userId: string) =>
  db
    .select({ action: auditLog.action, targetId: auditLog.targetId })
    .from(auditLog)
    .where(and(eq(auditLog.userId, userId), isNull(auditLog.storeId)))
    .orderBy(desc(auditLog.createdAt), desc(auditLog.id))

test('members are told of when they come, change and go; what is refused or changes nothing is not', async () => {
  const world = await createWorld()
  expect(await auditOf(world)).toEqual([
    ['owner', 'member_added', 'manager'],
    ['owner', 'member_added', 'staff'],
    ['owner', 'member_added', 'kitchen'],
  ])
  const members = `${world.path}/members`
  const entries = await auditSince(world, async () => {
    await world.owner.api.patch(`${members}/${world.staff.id}`, { role: 'kitchen' })
    await world.owner.api.patch(`${members}/${world.staff.id}`, { role: 'kitchen' })
    await world.owner.api.delete(`${members}/${world.owner.id}`)
    await world.manager.api.delete(`${members}/${world.staff.id}`)
    await world.kitchen.api.delete(`${members}/${world.kitchen.id}`)
  })
  expect(entries).toEqual([
    ['owner', 'member_changed', 'staff'],
    ['manager', 'member_removed', 'staff'],
    ['kitchen', 'member_removed', 'kitchen'],
  ])
})

test('devices are told of when they are made and removed, by either path', async () => {
  const world = await createWorld()
  const make = async () => (await world.manager.api.post(`${world.path}/devices`, { name: 'Till', role: 'staff' })).data.device.userId
  let ids: string[] = []
  const entries = await auditSince(world, async () => {
    ids = [await make(), await make()]
    await world.manager.api.delete(`${world.path}/devices/${ids[0]}`)
    await world.owner.api.delete(`${world.path}/members/${ids[1]}`)
  })
  const [first = '', second = ''] = ids
  expect(entries).toEqual([
    ['manager', 'device_created', first],
    ['manager', 'device_created', second],
    ['manager', 'device_removed', first],
    ['owner', 'device_removed', second],
  ])
})

test('a price that changes is told of, an option of a product included; other changes are not', async () => {
  const world = await createWorld()
  const option = { id: 'large', name: 'Large', priceDelta: 100 }
  const group = { id: 'size', name: 'Size', min: 0, max: 1, options: [option] }
  const product = await createProduct(world, { modifierGroups: [group] })
  const change = (patch: object) => world.manager.api.patch(`${world.path}/products/${product.id}`, patch)
  const entries = await auditSince(world, async () => {
    await change({ name: 'Renamed', stock: 5, modifierGroups: [{ ...group, name: 'How big' }] })
    await change({ price: 500 })
    await change({ price: 510 })
    await change({ modifierGroups: [{ ...group, options: [{ ...option, priceDelta: 0 }] }] })
  })
  expect(entries).toEqual([
    ['manager', 'product_price_changed', product.id],
    ['manager', 'product_price_changed', product.id],
  ])
})

test('refunds are told of, payments and refused refunds are not', async () => {
  const world = await createWorld()
  const order = await createOrder(world, (await createProduct(world)).id)
  const book = (kind: string, amount: number) => world.manager.api.post(`${world.path}/orders/${order.id}/payments`, { kind, method: 'cash', amount })
  const entries = await auditSince(world, async () => {
    await book('payment', 500)
    expect((await book('refund', 501)).status).toBe(409)
    expect((await book('refund', 200)).status).toBe(201)
  })
  expect(entries).toEqual([['manager', 'order_refunded', order.id]])
})

test('a customer that is exported or deleted is told of, by id alone', async () => {
  const world = await createWorld()
  const person = { firstName: 'Filippa', lastName: 'Auditsson', phone: '+46 8 5550123', email: 'filippa@auditsson.test', note: 'window seat' }
  const customers = `${world.path}/customers`
  const { id } = (await world.staff.api.post(customers, person)).data
  const entries = await auditSince(world, async () => {
    expect((await world.manager.api.get(`${customers}/${id}/export`)).status).toBe(200)
    expect((await world.manager.api.get(`${customers}/${Bun.randomUUIDv7()}/export`)).status).toBe(404)
    expect((await world.staff.api.get(`${customers}/${id}/export`)).status).toBe(403)
    expect((await world.staff.api.delete(`${customers}/${id}`)).status).toBe(200)
  })
  expect(entries).toEqual([
    ['manager', 'customer_exported', id],
    ['staff', 'customer_deleted', id],
  ])
  const rows = JSON.stringify(await db.select().from(auditLog).where(eq(auditLog.storeId, world.storeId)))
  for (const value of Object.values(person)) expect(rows).not.toContain(value)
})

test('what concerns an account is kept too, and shows in no store', async () => {
  const user = await registerUser('Audited')
  const api = await anonymous()
  const { data } = await api.post('/auth/login', { email: user.email, password: user.password })
  await api.post('/auth/login', { email: user.email, password: 'wrong horse battery' })
  const second = new ApiClient(api.server, data.token)
  const sessionId = (await second.get('/auth/session')).data.session.id
  await user.api.patch('/users/password', { currentPassword: user.password, newPassword: 'correct horse stable' })
  await user.api.patch('/users/email', { currentPassword: 'correct horse stable', email: `new-${user.email}` })
  const own = (await user.api.get('/auth/session')).data.session.id
  const store = (await user.api.post('/stores', { name: 'Audited' })).data
  expect((await user.api.get(`/stores/${store.id}/audit`)).data).toEqual([])
  await user.api.post('/auth/logout')
  expect(await accountAudit(user.id)).toEqual([
    { action: 'session_ended', targetId: own },
    { action: 'email_changed', targetId: null },
    { action: 'password_changed', targetId: null },
    { action: 'signed_in', targetId: sessionId },
    { action: 'registered', targetId: own },
  ])
})

test('a repeated request with the same Idempotency-Key leaves one line', async () => {
  const world = await createWorld()
  const add = () =>
    world.owner.api.post(`${world.path}/members`, { email: world.stranger.email, role: 'staff' }, { headers: { 'Idempotency-Key': 'audit-once' } })
  const entries = await auditSince(world, () => Promise.all([add(), add()]))
  expect(entries).toEqual([['owner', 'member_added', 'stranger']])
})

test('a line is there with what it tells of, or not at all', async () => {
  const world = await createWorld()
  const work = inTransaction(async (tx) => {
    await recordAudit(tx, { userId: world.owner.id, storeId: world.storeId }, 'member_added', world.stranger.id)
    throw new Error('rolled back')
  })
  expect(await work.catch((error: unknown) => String(error))).toContain('rolled back')
  expect(await auditOf(world)).toHaveLength(3)
})

test('the database refuses to change or remove a line, whoever asks', async () => {
  const world = await createWorld()
  const lines = await auditOf(world)
  for (const statement of [
    sql`update audit_log set action = 'signed_in' where store_id = ${world.storeId}`,
    sql`delete from audit_log where store_id = ${world.storeId}`,
    sql`delete from audit_log where false`,
    sql`truncate audit_log`,
  ]) {
    const error = await db.execute(statement).then(
      () => null,
      (thrown: Error) => thrown.cause,
    )
    expect(error).toMatchObject({ code: '23001', message: 'audit_log is append-only' })
  }
  expect(await auditOf(world)).toEqual(lines)
})

test('the list comes newest first, page by page, with the position of the store', async () => {
  const world = await createWorld()
  const all = await world.owner.api.get<AuditEntry[]>(`${world.path}/audit`)
  expect(all.body.meta).toEqual({ nextCursor: null, limit: 50 })
  expect(all.headers.get('cache-control')).toBe('no-store')
  expect(Object.keys(all.data[0] ?? {}).sort()).toEqual(['action', 'at', 'id', 'targetId', 'userId'])
  expect(positionOf(all, world.stream).seq).toBe(3)
  const first = await world.owner.api.get<AuditEntry[]>(`${world.path}/audit?limit=2`)
  const rest = await world.owner.api.get<AuditEntry[]>(`${world.path}/audit?limit=2&cursor=${first.body.meta.nextCursor}`)
  expect([...first.data, ...rest.data]).toEqual(all.data)
  const other = await createWorld()
  expect((await other.owner.api.get(`${other.path}/audit?cursor=${first.body.meta.nextCursor}`)).code).toBe('invalid_cursor')
  expect((await world.owner.api.get(`${world.path}/audit?action=signed_in`)).status).toBe(422)
})

test('it is for owners alone', async () => {
  const world = await createWorld()
  await expectMembersOnly(world, [['GET', '/audit']])
  await expectForbidden(world, [world.manager, world.staff, world.kitchen], [['GET', '/audit']])
})
