import { expect, test } from 'bun:test'
import { joinStore } from './support/member-socket'
import type { Frame } from './support/socket'
import { createWorld, type World } from './support/world'

const presence = async (world: World) => (await world.owner.api.get(`${world.path}/presence`)).data
const about = (userId: string) => (frame: Frame) => frame.data?.userId === userId && frame.type.startsWith('user_')

test('who comes is told to those who are there, once for all of their sockets, and listed with their number', async () => {
  const world = await createWorld()
  const watcher = await joinStore(world, world.owner)
  const tabs = [await joinStore(world, world.staff), await joinStore(world, world.staff)]
  expect(await watcher.next('user_joined')).toEqual({
    type: 'user_joined',
    data: { userId: world.staff.id, name: 'Staff Tester', onlineUsers: 2 },
    timestamp: expect.any(String),
    storeId: world.storeId,
  })
  expect(tabs[1]?.answer).toMatchObject({ userSessions: expect.any(Number), storeSessions: 3 })
  expect(await presence(world)).toEqual([
    { userId: world.owner.id, name: 'Owner Tester', role: 'owner', sessions: 1 },
    { userId: world.staff.id, name: 'Staff Tester', role: 'staff', sessions: 2 },
  ])
  await watcher.settled()
  expect(watcher.frames.filter(about(world.staff.id))).toHaveLength(1)
  for (const tab of tabs) expect(tab.frames.filter(about(world.staff.id))).toEqual([])
})

test('a closed tab is no leaving, nor is a reload; only who stays away has left', async () => {
  const world = await createWorld()
  const watcher = await joinStore(world, world.owner)
  const [first, second] = [await joinStore(world, world.staff), await joinStore(world, world.staff)]
  await watcher.next('user_joined')
  first.close()
  await first.closeCode()
  expect((await presence(world)).map(({ sessions }: { sessions: number }) => sessions)).toEqual([1, 1])
  second.close()
  await second.closeCode()
  expect(await presence(world)).toHaveLength(1)
  const reloaded = await joinStore(world, world.staff)
  expect(reloaded.answer.storeSessions).toBe(2)
  const closedAt = performance.now()
  reloaded.close()
  const left = await watcher.next('user_left')
  expect(left).toMatchObject({ data: { userId: world.staff.id, name: 'Staff Tester', onlineUsers: 1 }, storeId: world.storeId })
  expect(performance.now() - closedAt).toBeGreaterThan(1000)
  await watcher.settled()
  expect(watcher.frames.filter(about(world.staff.id)).map((frame) => frame.type)).toEqual(['user_joined', 'user_left'])
})

test('switching the store is leaving the one and joining the other', async () => {
  const [from, to] = [await createWorld(), await createWorld()]
  const [left, joined] = [await joinStore(from, from.owner), await joinStore(to, to.owner)]
  const socket = await joinStore(from, from.staff)
  await socket.authenticate({ userId: from.staff.id, storeId: to.storeId })
  expect((await joined.next('user_joined')).data.userId).toBe(from.staff.id)
  expect(await presence(from)).toHaveLength(1)
  expect((await left.next('user_left')).data.userId).toBe(from.staff.id)
})
