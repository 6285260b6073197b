import { expect, test } from 'bun:test'
import { type Answer, positionOf } from './support/api'
import { followLog } from './support/log'
import { detailPaths, expectForbidden, expectMembersOnly } from './support/refusals'
import { createWorld, type TestUser, unique, type World } from './support/world'

const membersOf = (world: World) => `${world.path}/members`
const memberPath = (world: World, user: TestUser) => `${membersOf(world)}/${user.id}`
const outcome = (answer: Answer) => [answer.status, answer.code]
const rolesIn = async (world: World): Promise<Record<string, string>> =>
  Object.fromEntries((await world.owner.api.get(membersOf(world))).data.map((row: { userId: string; role: string }) => [row.userId, row.role]))

test('adding a member tells the store and the member, on a stream each', async () => {
  const world = await createWorld()
  const { owner, stranger } = world
  const [inStore, inUser] = [await followLog(world.stream), await followLog(`user:${stranger.id}`)]
  const added = await owner.api.post(membersOf(world), { email: stranger.email.toUpperCase(), role: 'staff' })
  expect(added.status).toBe(201)
  expect(added.data).toEqual({
    userId: stranger.id,
    name: 'Stranger Tester',
    email: stranger.email,
    role: 'staff',
    kind: 'person',
    createdAt: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
  })
  const [storeEvent, userEvent] = [await inStore(), await inUser()]
  for (const [event] of [storeEvent, userEvent]) {
    expect(event).toMatchObject({ type: 'store_updated', userId: owner.id, storeId: world.storeId, subjectId: stranger.id })
    expect(event?.data).toEqual({ action: 'member_added', userId: stranger.id, role: 'staff' })
  }
  expect([storeEvent.length, userEvent.length]).toEqual([1, 1])
  expect(positionOf(added, `user:${stranger.id}`).seq).toBe(userEvent[0]?.seq ?? -1)
  expect(positionOf(added, world.stream).seq).toBe(storeEvent[0]?.seq ?? -1)
  expect((await stranger.api.get(world.path)).status).toBe(200)
})

test('unknown e-mail addresses, unknown roles and unknown fields are refused', async () => {
  const world = await createWorld()
  const add = (body: unknown) => world.owner.api.post(membersOf(world), body)
  expect(outcome(await add({ email: `${unique('nobody')}@zipzap.test`, role: 'staff' }))).toEqual([404, 'user_not_found'])
  expect(detailPaths(await add({ email: 'nope', role: 'god', colour: 'red' }))).toEqual(['colour', 'email', 'role'])
  expect(detailPaths(await add({ email: world.stranger.email, role: 'kiosk' }))).toEqual(['role'])
  expect(outcome(await add({ email: world.staff.email, role: 'kitchen' }))).toEqual([409, 'already_member'])
  expect((await rolesIn(world))[world.staff.id]).toBe('staff')
})

test('of parallel additions of the same user one succeeds', async () => {
  const world = await createWorld()
  const logged = await followLog(world.stream)
  const raced = await Promise.all(
    [world.owner, world.manager, world.owner].map((user) => user.api.post(membersOf(world), { email: world.stranger.email, role: 'staff' })),
  )
  expect(raced.map((answer) => answer.status).sort()).toEqual([201, 409, 409])
  expect(await logged()).toHaveLength(1)
})

test('an e-mail address is seen by owners and managers, and by its owner', async () => {
  const world = await createWorld()
  const emailsSeenBy = async (user: TestUser) => (await user.api.get(membersOf(world))).data.map((row: { email: string | null }) => row.email)
  const everybody = [world.owner, world.manager, world.staff, world.kitchen].map((user) => user.email)
  for (const user of [world.owner, world.manager]) expect((await emailsSeenBy(user)).sort()).toEqual([...everybody].sort())
  expect((await emailsSeenBy(world.staff)).filter(Boolean)).toEqual([world.staff.email])
  expect((await emailsSeenBy(world.kitchen)).filter(Boolean)).toEqual([world.kitchen.email])
})

test('the list goes page by page, newest first, with the position of the store', async () => {
  const world = await createWorld()
  const seen: string[] = []
  let cursor = ''
  do {
    const answer = await world.staff.api.get(`${membersOf(world)}?limit=3${cursor && `&cursor=${cursor}`}`)
    expect(positionOf(answer, world.stream).seq).toBe(3)
    seen.push(...answer.data.map((row: { userId: string }) => row.userId))
    cursor = answer.body.meta.nextCursor ?? ''
  } while (cursor)
  expect(seen).toEqual([world.kitchen, world.staff, world.manager, world.owner].map((user) => user.id))
  expect(outcome(await world.staff.api.get(`${membersOf(world)}?cursor=e30`))).toEqual([400, 'invalid_cursor'])
})

test('an owner changes roles; the same role again changes nothing', async () => {
  const world = await createWorld()
  const [inStore, inUser] = [await followLog(world.stream), await followLog(`user:${world.staff.id}`)]
  const changed = await world.owner.api.patch(memberPath(world, world.staff), { role: 'kitchen' })
  expect([changed.status, changed.data.role]).toEqual([200, 'kitchen'])
  const same = await world.owner.api.patch(memberPath(world, world.staff), { role: 'kitchen' })
  expect([same.status, same.headers.get('x-stream-position')]).toEqual([200, null])
  for (const events of [await inStore(), await inUser()]) {
    expect(events.map((event) => event.data)).toEqual([{ action: 'member_changed', userId: world.staff.id, role: 'kitchen' }])
  }
  expect((await world.staff.api.get(`${world.path}/customers`)).status).toBe(403)
})

test('a removed member is told the lost role and finds the store missing', async () => {
  const world = await createWorld()
  const [inStore, inUser] = [await followLog(world.stream), await followLog(`user:${world.staff.id}`)]
  const removed = await world.owner.api.delete(memberPath(world, world.staff))
  expect([removed.status, removed.data.userId, removed.data.role]).toEqual([200, world.staff.id, 'staff'])
  for (const events of [await inStore(), await inUser()]) {
    expect(events.map((event) => event.data)).toEqual([{ action: 'member_removed', userId: world.staff.id, role: 'staff' }])
  }
  expect((await world.staff.api.get(world.path)).status).toBe(404)
  expect(outcome(await world.owner.api.delete(memberPath(world, world.staff)))).toEqual([404, 'not_found'])
  expect((await world.staff.api.get('/stores')).status).toBe(200)
})

test('managers add and remove staff and kitchen only, judged before the body is validated', async () => {
  const world = await createWorld()
  const { manager, stranger } = world
  await expectForbidden(
    world,
    [manager],
    [
      ['POST', '/members', { email: stranger.email, role: 'manager' }],
      ['POST', '/members', { role: 'owner', colour: 'red' }],
      ['PATCH', `/members/${manager.id}`, { role: 'owner' }],
      ['PATCH', `/members/${world.staff.id}`, { role: 'god' }],
      ['DELETE', `/members/${world.owner.id}`],
    ],
  )
  expect((await manager.api.post(membersOf(world), { email: stranger.email, role: 'god' })).status).toBe(422)
  expect((await manager.api.post(membersOf(world), { email: stranger.email, role: 'kitchen' })).status).toBe(201)
  expect((await manager.api.delete(memberPath(world, stranger))).status).toBe(200)
  await world.owner.api.post(membersOf(world), { email: stranger.email, role: 'manager' })
  expect((await manager.api.delete(memberPath(world, stranger))).status).toBe(403)
})

test('staff and kitchen read members and may leave, and nothing else', async () => {
  const world = await createWorld()
  await expectForbidden(
    world,
    [world.staff, world.kitchen],
    [
      ['POST', '/members', { email: world.stranger.email, role: 'kitchen' }],
      ['PATCH', `/members/${world.staff.id}`, { role: 'owner' }],
      ['DELETE', `/members/${world.manager.id}`],
      ['DELETE', `/members/${world.stranger.id}`],
    ],
  )
  for (const user of [world.staff, world.kitchen, world.manager]) expect((await user.api.delete(memberPath(world, user))).status).toBe(200)
  expect(await rolesIn(world)).toEqual({ [world.owner.id]: 'owner' })
})

test('the last owner can neither leave nor step down, also when two try at once', async () => {
  const world = await createWorld()
  const { owner, manager } = world
  const logged = await followLog(world.stream)
  expect(outcome(await owner.api.delete(memberPath(world, owner)))).toEqual([409, 'last_owner'])
  expect(outcome(await owner.api.patch(memberPath(world, owner), { role: 'staff' }))).toEqual([409, 'last_owner'])
  expect(await logged()).toEqual([])
  await owner.api.patch(memberPath(world, manager), { role: 'owner' })
  const raced = await Promise.all([owner.api.delete(memberPath(world, owner)), manager.api.patch(memberPath(world, manager), { role: 'staff' })])
  expect(raced.map((answer) => answer.status).sort()).toEqual([200, 409])
  const left = raced[0].status === 200 ? manager : owner
  const roles = Object.values(
    Object.fromEntries((await left.api.get(membersOf(world))).data.map((row: { userId: string; role: string }) => [row.userId, row.role])),
  )
  expect(roles.filter((role) => role === 'owner')).toHaveLength(1)
})

test('of two owners who demote each other at once one stays owner', async () => {
  const world = await createWorld()
  const { owner, manager } = world
  await owner.api.patch(memberPath(world, manager), { role: 'owner' })
  const raced = await Promise.all([
    owner.api.patch(memberPath(world, manager), { role: 'staff' }),
    manager.api.patch(memberPath(world, owner), { role: 'staff' }),
  ])
  expect(raced.map((answer) => answer.status).sort()).toEqual([200, 403])
})

test('a missing member is 404 before a wrong body is 422', async () => {
  const world = await createWorld()
  expect((await world.owner.api.patch(memberPath(world, world.stranger), { role: 'god' })).status).toBe(404)
  expect((await world.owner.api.patch(`${membersOf(world)}/nonsense`, { role: 'staff' })).status).toBe(404)
  expect((await world.owner.api.patch(memberPath(world, world.staff), { role: 'god' })).status).toBe(422)
  await expectMembersOnly(world, [
    ['GET', '/members'],
    ['POST', '/members', { email: world.stranger.email, role: 'staff' }],
    ['PATCH', `/members/${world.staff.id}`, { role: 'kitchen' }],
    ['DELETE', `/members/${world.staff.id}`],
  ])
})

test('an Idempotency-Key adds a member once', async () => {
  const world = await createWorld()
  const headers = { 'Idempotency-Key': unique('key') }
  const add = () => world.owner.api.post(membersOf(world), { email: world.stranger.email, role: 'staff' }, { headers })
  const [first, again] = [await add(), await add()]
  expect([first.status, again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 201, 'true'])
  expect(again.data).toEqual(first.data)
  expect(again.headers.get('x-stream-position')).toBe(first.headers.get('x-stream-position') ?? 'missing')
})
