import { expect, test } from 'bun:test'
import { positionOf } from './support/api'
import { followLog } from './support/log'
import { detailPaths, expectForbidden, expectMembersOnly } from './support/refusals'
import { createWorld, unique } from './support/world'

test('a notification to the store is one event on its stream', async () => {
  const world = await createWorld()
  const logged = await followLog(world.stream)
  const sent = await world.manager.api.post(`${world.path}/notifications`, { message: 'Closing early', level: 'warning' })
  expect(sent.status).toBe(201)
  expect(sent.data).toEqual({
    id: expect.any(String),
    storeId: world.storeId,
    message: 'Closing early',
    level: 'warning',
    userId: null,
    createdAt: expect.stringMatching(/\.\d{3}Z$/),
  })
  const [event, ...others] = await logged()
  expect(others).toEqual([])
  expect(event).toMatchObject({
    type: 'general_notification',
    userId: world.manager.id,
    storeId: world.storeId,
    seq: positionOf(sent, world.stream).seq,
  })
  expect(event?.data).toEqual({ message: 'Closing early', level: 'warning', notificationId: sent.data.id })
})

test("a notification to one member is on that member's stream only", async () => {
  const world = await createWorld()
  const [inStore, inUser] = [await followLog(world.stream), await followLog(`user:${world.staff.id}`)]
  const sent = await world.owner.api.post(`${world.path}/notifications`, { message: 'Come in', level: 'info', userId: world.staff.id })
  expect([sent.status, sent.data.userId]).toEqual([201, world.staff.id])
  expect(await inStore()).toEqual([])
  const [event] = await inUser()
  expect(event).toMatchObject({ type: 'general_notification', storeId: world.storeId, data: { message: 'Come in', level: 'info' } })
  expect(positionOf(sent, `user:${world.staff.id}`).seq).toBe(event?.seq ?? -1)
  expect(sent.headers.get('x-stream-position')).not.toContain('store:')
})

test('wrong and unknown fields are named, somebody outside the store among them', async () => {
  const world = await createWorld()
  const post = (body: unknown) => world.manager.api.post(`${world.path}/notifications`, body)
  expect(detailPaths(await post({ message: 'x'.repeat(1001), level: 'loud', userId: 'me', sound: true }))).toEqual([
    'level',
    'message',
    'sound',
    'userId',
  ])
  expect(detailPaths(await post({}))).toEqual(['level', 'message'])
  for (const message of ['', ' ', 'a\u0000']) expect(detailPaths(await post({ message, level: 'info' }))).toEqual(['message'])
  const outside = await post({ message: 'x', level: 'info', userId: world.stranger.id })
  expect([outside.status, outside.code, detailPaths(outside)]).toEqual([422, 'validation_failed', ['userId']])
})

test('only managers and owners notify', async () => {
  const world = await createWorld()
  await expectMembersOnly(world, [['POST', '/notifications', { message: 'x', level: 'info' }]])
  await expectForbidden(world, [world.staff, world.kitchen], [['POST', '/notifications', { nonsense: 1 }]])
})

test('an Idempotency-Key notifies once', async () => {
  const world = await createWorld()
  const logged = await followLog(world.stream)
  const headers = { 'Idempotency-Key': unique('key') }
  const notify = () => world.manager.api.post(`${world.path}/notifications`, { message: 'Once', level: 'info' }, { headers })
  const raced = await Promise.all([notify(), notify(), notify()])
  expect(raced.map((answer) => answer.status)).toEqual([201, 201, 201])
  expect(new Set(raced.map((answer) => answer.data.id)).size).toBe(1)
  expect(raced.filter((answer) => answer.headers.get('idempotent-replayed') === 'true')).toHaveLength(2)
  expect(await logged()).toHaveLength(1)
})
