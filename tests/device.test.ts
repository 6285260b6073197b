import { expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { openSession } from '~/controllers/session.controllers'
import { db } from '~/db/client'
import { rowsOf } from '~/db/session'
import { inTransaction } from '~/db/transaction'
import { ApiClient, positionOf } from './support/api'
import { followLog } from './support/log'
import { detailPaths, expectForbidden, expectMembersOnly } from './support/refusals'
import { createProduct, createWorld, unique, type World } from './support/world'

type NewDevice = { device: { userId: string; name: string; role: string }; token: string }

async function createDevice(world: World, role: string, headers: Record<string, string> = {}) {
  const answer = await world.manager.api.post<NewDevice>(`${world.path}/devices`, { name: unique('Till'), role }, { headers })
  expect(answer.status).toBe(201)
  return { ...answer.data, answer, api: new ApiClient(world.manager.api.server, answer.data.token) }
}

test('a device is a member with a token that lives until it is revoked', async () => {
  const world = await createWorld()
  const logged = await followLog(world.stream)
  const { device, token, answer, api } = await createDevice(world, 'staff')
  expect(answer.data).toEqual({ device: { userId: device.userId, name: device.name, role: 'staff' }, token })
  expect(token).toMatch(/^[\w-]{43}$/)
  expect((await logged()).map((event) => event.data)).toEqual([{ action: 'member_added', userId: device.userId, role: 'staff' }])
  expect(positionOf(answer, `user:${device.userId}`).seq).toBe(1)
  const session = await api.get('/auth/session')
  expect([session.status, session.data.session.expiresAt, session.data.user.kind]).toEqual([200, null, 'device'])
  const listed = (await world.staff.api.get(`${world.path}/members`)).data.find((row: { userId: string }) => row.userId === device.userId)
  expect(listed).toMatchObject({ name: device.name, email: null, role: 'staff', kind: 'device' })
})

test('the list of devices holds devices only, newest first', async () => {
  const world = await createWorld()
  const empty = await world.manager.api.get(`${world.path}/devices`)
  expect([empty.status, empty.data, positionOf(empty, world.stream).seq]).toEqual([200, [], 3])
  const made = [(await createDevice(world, 'kitchen')).device, (await createDevice(world, 'kiosk')).device]
  const pages = [await world.owner.api.get(`${world.path}/devices?limit=1`)]
  pages.push(await world.owner.api.get(`${world.path}/devices?limit=1&cursor=${pages[0]?.body.meta.nextCursor}`))
  expect(pages.flatMap((page) => page.data)).toEqual(made.reverse())
  const foreign = await world.owner.api.get(`${world.path}/members?cursor=${pages[0]?.body.meta.nextCursor}`)
  expect([foreign.status, foreign.code]).toEqual([400, 'invalid_cursor'])
})

test('a removed device has no session and no store any more', async () => {
  const world = await createWorld()
  const { device, api } = await createDevice(world, 'kitchen')
  const [inStore, inDevice] = [await followLog(world.stream), await followLog(`user:${device.userId}`)]
  const removed = await world.manager.api.delete(`${world.path}/devices/${device.userId}`)
  expect([removed.status, removed.data]).toEqual([200, device])
  for (const events of [await inStore(), await inDevice()]) {
    expect(events.map((event) => event.data)).toEqual([{ action: 'member_removed', userId: device.userId, role: 'kitchen' }])
  }
  expect((await api.get(world.path)).status).toBe(401)
  expect((await world.manager.api.delete(`${world.path}/devices/${device.userId}`)).status).toBe(404)
})

test('a device removed as a member loses its session too', async () => {
  const world = await createWorld()
  const { device, api } = await createDevice(world, 'kiosk')
  expect((await world.manager.api.delete(`${world.path}/members/${device.userId}`)).status).toBe(200)
  expect((await api.get(world.path)).status).toBe(401)
})

test('people are no devices, and devices get no role of people', async () => {
  const world = await createWorld()
  expect((await world.owner.api.delete(`${world.path}/devices/${world.staff.id}`)).status).toBe(404)
  const { device } = await createDevice(world, 'staff')
  const promoted = await world.owner.api.patch(`${world.path}/members/${device.userId}`, { role: 'manager' })
  expect([promoted.status, detailPaths(promoted)]).toEqual([422, ['role']])
  expect((await world.owner.api.patch(`${world.path}/members/${device.userId}`, { role: 'kitchen' })).data.role).toBe('kitchen')
})

test('every wrong and unknown field of a device is named', async () => {
  const world = await createWorld()
  const wrong = await world.manager.api.post(`${world.path}/devices`, { name: ' ', role: 'manager', token: 'mine' })
  expect([wrong.status, detailPaths(wrong)]).toEqual([422, ['name', 'role', 'token']])
})

test('only owners and managers handle devices, and a device cannot make a store', async () => {
  const world = await createWorld()
  const { device, api } = await createDevice(world, 'staff')
  await expectMembersOnly(world, [
    ['GET', '/devices'],
    ['POST', '/devices', { name: 'Till', role: 'staff' }],
    ['DELETE', `/devices/${device.userId}`],
  ])
  await expectForbidden(
    world,
    [world.staff, world.kitchen],
    [
      ['GET', '/devices'],
      ['POST', '/devices', { nonsense: true }],
      ['DELETE', `/devices/${device.userId}`],
    ],
  )
  const store = await api.post('/stores', { name: 'Mine' })
  expect([store.status, store.code]).toEqual([403, 'forbidden'])
})

test('a kiosk reads store and catalogue, and nothing else of what stands here', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const { device, api } = await createDevice(world, 'kiosk')
  for (const path of ['', '/categories', '/products', `/products/${product.id}`]) expect((await api.get(world.path + path)).status).toBe(200)
  const refused = [
    await api.get(`${world.path}/members`),
    await api.get(`${world.path}/devices`),
    await api.get(`${world.path}/customers`),
    await api.patch(world.path, { isOpen: false }),
    await api.patch(`${world.path}/products/${product.id}`, { stock: 3 }),
    await api.delete(`${world.path}/members/${device.userId}`),
    await api.post(`${world.path}/notifications`, { message: 'x', level: 'info' }),
  ]
  expect(refused.map((answer) => answer.status)).toEqual(refused.map(() => 403))
})

test('a replay tells the same session the token again; the database holds it nowhere in clear', async () => {
  const world = await createWorld()
  const headers = { 'Idempotency-Key': unique('key') }
  const body = { name: unique('Till'), role: 'staff' }
  const create = (api: ApiClient) => api.post<NewDevice>(`${world.path}/devices`, body, { headers })
  const [first, again] = [await create(world.owner.api), await create(world.owner.api)]
  expect([first.status, again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 201, 'true'])
  expect(again.data).toEqual(first.data)
  const kept = await rowsOf<{ answer: string }>(
    db,
    sql`select answer::text as answer from idempotency_keys where path like ${`%${world.storeId}/devices`}`,
  )
  expect(kept).toHaveLength(1)
  expect(kept[0]?.answer).not.toContain(first.data.token)

  const opened = await inTransaction((tx) => openSession(tx, world.owner.id, 'person', null))
  const elsewhere = await create(new ApiClient(world.owner.api.server, opened.token))
  expect([elsewhere.status, elsewhere.data]).toEqual([201, { ...first.data, token: null } as unknown as NewDevice])
})
