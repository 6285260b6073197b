import { expect, test } from 'bun:test'
import { anonymous, positionOf } from './support/api'
import { followLog } from './support/log'
import { detailPaths, expectForbidden, expectMembersOnly } from './support/refusals'
import { createWorld, registerUser, unique } from './support/world'

const nobodysId = () => Bun.randomUUIDv7()

test('a new store has documented defaults, is open, and belongs to whoever made it', async () => {
  const { owner } = await createWorld()
  const made = await owner.api.post('/stores', { name: 'Corner' })
  expect(made.status).toBe(201)
  expect(made.headers.get('etag')).toBe('"1"')
  expect(made.data).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    name: 'Corner',
    slug: null,
    timezone: 'UTC',
    currency: 'EUR',
    taxRateBps: 0,
    pricesIncludeTax: false,
    phone: null,
    address: null,
    isOpen: true,
    prepMinutes: 15,
    version: 1,
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    updatedAt: made.data.createdAt,
  })
  const members = await owner.api.get(`/stores/${made.data.id}/members`)
  expect(members.data.map((member: { userId: string; role: string }) => [member.userId, member.role])).toEqual([[owner.id, 'owner']])
  const read = await owner.api.get(`/stores/${made.data.id}`)
  expect(read.data).toEqual(made.data)
  expect(positionOf(read, `store:${made.data.id}`).seq).toBe(0)
})

test('a store keeps every field it is made with', async () => {
  const { owner } = await createWorld()
  const fields = {
    name: 'Café Ü',
    slug: unique('cafe').toLowerCase(),
    timezone: 'Asia/Tokyo',
    currency: 'JPY',
    taxRateBps: 1000,
    pricesIncludeTax: true,
    phone: '+81 3',
    address: 'Tokyo 1',
  }
  expect((await owner.api.post('/stores', fields)).data).toMatchObject(fields)
})

test('every wrong and unknown field of a store is named', async () => {
  const { owner } = await createWorld()
  const wrong = await owner.api.post('/stores', {
    slug: 'No Spaces',
    timezone: 'Mars/Base',
    currency: 'EURO',
    taxRateBps: 1.5,
    pricesIncludeTax: 'yes',
    phone: 5,
    address: 'x'.repeat(501),
    isOpen: true,
  })
  expect([wrong.status, wrong.code]).toEqual([422, 'validation_failed'])
  expect(detailPaths(wrong)).toEqual(['address', 'currency', 'isOpen', 'name', 'phone', 'pricesIncludeTax', 'slug', 'taxRateBps', 'timezone'])
  for (const timezone of ['+01:00', 'europe/berlin', '', 'UTC\u0000'])
    expect((await owner.api.post('/stores', { name: 'x', timezone })).status).toBe(422)
  for (const currency of ['eur', 'XX', '']) expect((await owner.api.post('/stores', { name: 'x', currency })).status).toBe(422)
  for (const slug of ['ab', 'x'.repeat(61), 'Ü-ber']) expect((await owner.api.post('/stores', { name: 'x', slug })).status).toBe(422)
  for (const taxRateBps of [-1, 10_001]) expect((await owner.api.post('/stores', { name: 'x', taxRateBps })).status).toBe(422)
  expect((await owner.api.post('/stores', { name: '   ' })).status).toBe(422)
})

test('a slug belongs to one store, also when two ask for it at once', async () => {
  const { owner, stranger, path } = await createWorld()
  const slug = unique('slug').toLowerCase()
  const raced = await Promise.all([owner, stranger, owner].map((user) => user.api.post('/stores', { name: 'x', slug })))
  expect(raced.map((answer) => answer.status).sort()).toEqual([201, 409, 409])
  const patched = await owner.api.patch(path, { slug })
  expect([patched.status, patched.code]).toEqual([409, 'slug_taken'])
  expect((await owner.api.get(path)).data.version).toBe(1)
})

test('the list holds the stores one belongs to, newest first, and its cursor is for its owner alone', async () => {
  const user = await registerUser('Collector')
  const { stranger } = await createWorld()
  const empty = await user.api.get('/stores')
  expect([empty.status, empty.data, empty.body.meta]).toEqual([200, [], { nextCursor: null, limit: 50 }])
  const made: string[] = []
  for (const name of ['one', 'two', 'three']) made.unshift((await user.api.post('/stores', { name })).data.id)
  const first = await user.api.get('/stores?limit=2')
  const second = await user.api.get(`/stores?limit=2&cursor=${first.body.meta.nextCursor}`)
  expect([...first.data, ...second.data].map((store: { id: string }) => store.id)).toEqual(made)
  expect(second.body.meta.nextCursor).toBeNull()
  expect(positionOf(first, `user:${user.id}`).seq).toBe(0)
  const foreign = await stranger.api.get(`/stores?cursor=${first.body.meta.nextCursor}`)
  expect([foreign.status, foreign.code]).toEqual([400, 'invalid_cursor'])
  expect((await user.api.get('/stores?limit=101')).status).toBe(422)
  expect((await user.api.get('/stores?page=2')).status).toBe(422)
})

test('without a session stores can be neither listed nor made', async () => {
  const api = await anonymous()
  for (const answer of [await api.get('/stores'), await api.post('/stores', { name: 'x' })]) {
    expect([answer.status, answer.code, answer.headers.get('www-authenticate')]).toEqual([401, 'unauthorized', 'Bearer'])
  }
})

test('a change of the settings makes a version and one event with the whole store', async () => {
  const world = await createWorld()
  const logged = await followLog(world.stream)
  const changed = await world.manager.api.patch(world.path, { isOpen: false, prepMinutes: 25, name: 'Renamed' })
  expect(changed.status).toBe(200)
  expect(changed.data).toMatchObject({ isOpen: false, prepMinutes: 25, name: 'Renamed', version: 2 })
  expect(changed.headers.get('etag')).toBe('"2"')
  const [event, ...others] = await logged()
  expect(others).toEqual([])
  expect(event).toMatchObject({ type: 'store_updated', userId: world.manager.id, storeId: world.storeId, seq: positionOf(changed, world.stream).seq })
  expect(event?.data).toEqual({
    action: 'updated',
    storeId: world.storeId,
    store: changed.data,
    updatedFields: { isOpen: true, prepMinutes: true, name: true },
  })
  expect((await world.kitchen.api.get(world.path)).data).toEqual(changed.data)
})

test('a PATCH that changes nothing makes no version and no event', async () => {
  const world = await createWorld({ slug: unique('same').toLowerCase() })
  const logged = await followLog(world.stream)
  const same = await world.owner.api.patch(world.path, { prepMinutes: 15, taxRateBps: 0, phone: null })
  expect([same.status, same.data.version, same.headers.get('x-stream-position')]).toEqual([200, 1, null])
  expect((await world.owner.api.patch(world.path, {})).data.version).toBe(1)
  expect(await logged()).toEqual([])
  expect((await world.owner.api.patch(world.path, { slug: null })).data).toMatchObject({ slug: null, version: 2 })
})

test('of changes racing with one If-Match, one is made; a stale one is 412 even when its body is wrong', async () => {
  const world = await createWorld()
  const headers = { 'If-Match': '"1"' }
  const raced = await Promise.all([10, 20, 30].map((prepMinutes) => world.owner.api.patch(world.path, { prepMinutes }, { headers })))
  expect(raced.map((answer) => answer.status).sort()).toEqual([200, 412, 412])
  const stale = await world.owner.api.patch(world.path, { prepMinutes: -1 }, { headers })
  expect([stale.status, stale.code]).toEqual([412, 'version_mismatch'])
  expect((await world.owner.api.patch(world.path, { prepMinutes: -1, colour: 'red' }, { headers: { 'If-Match': '"2"' } })).status).toBe(422)
})

test('members read the store, managers change it, and to strangers it looks missing', async () => {
  const world = await createWorld()
  await expectMembersOnly(world, [
    ['GET', ''],
    ['PATCH', '', { isOpen: false }],
  ])
  await expectForbidden(
    world,
    [world.staff, world.kitchen],
    [
      ['PATCH', '', { isOpen: false }],
      ['PATCH', '', { nonsense: true }],
    ],
  )
  for (const user of [world.manager, world.staff, world.kitchen]) expect((await user.api.get(world.path)).status).toBe(200)
  const [foreign, missing] = [await world.stranger.api.get(world.path), await world.stranger.api.get(`/stores/${nobodysId()}`)]
  expect(foreign.body.message).toBe(missing.body.message)
  expect(foreign.code).toBe('not_found')
})

test('an Idempotency-Key makes a store once', async () => {
  const { owner } = await createWorld()
  const headers = { 'Idempotency-Key': unique('key') }
  const body = { name: unique('Once') }
  const first = await owner.api.post('/stores', body, { headers })
  const again = await owner.api.post('/stores', body, { headers })
  expect([first.status, again.status, again.headers.get('idempotent-replayed'), again.headers.get('etag')]).toEqual([201, 201, 'true', '"1"'])
  expect(again.data).toEqual(first.data)
  expect((await owner.api.get('/stores?limit=100')).data.filter((store: { name: string }) => store.name === body.name)).toHaveLength(1)
  const other = await owner.api.post('/stores', { name: 'another' }, { headers })
  expect([other.status, other.code]).toEqual([422, 'idempotency_key_reused'])
})
