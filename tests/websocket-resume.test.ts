import { describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { joinStore, type MemberSocket, notify, refusalOf, seqsOf } from './support/member-socket'
import { createDevice, createWorld, type TestUser, type World } from './support/world'

type Position = { epoch: string; seq: number }

/** Where a member's new socket begins; the socket is closed again. */
async function positionNow(world: World, user: Pick<TestUser, 'id' | 'token'>, stream = world.stream): Promise<Position> {
  const socket = await joinStore(world, user)
  const { epoch, seq } = socket.answer.streams[stream]
  socket.close()
  return { epoch, seq }
}

const resumeAt = (world: World, user: Pick<TestUser, 'id' | 'token'>, position: Position, stream = world.stream) =>
  joinStore(world, user, { resume: { [stream]: position } })

const answerOf = (socket: MemberSocket, stream: string) => socket.answer.streams[stream]

describe('a position', () => {
  test('is gone on from exactly: answer, missed events in order, sync, then live ones', async () => {
    const world = await createWorld()
    const { epoch, seq } = await positionNow(world, world.staff)
    const missed = [await notify(world), await notify(world), await notify(world)]
    const socket = await resumeAt(world, world.staff, { epoch, seq: seq + 1 })
    expect(answerOf(socket, world.stream)).toEqual({ epoch, seq: seq + 3, resumed: true, replayed: 2 })
    const last = await notify(world)
    await socket.next(({ data }) => data.message === last)
    const order = socket.frames.map((frame) => frame.data.message ?? frame.type)
    expect(order).toEqual(['Connected to ZipZap', 'Authentication successful', ...missed.slice(1), 'sync', last])
    expect(seqsOf(socket, world.stream)).toEqual([seq + 2, seq + 3, seq + 4])
    expect(socket.all('sync')[0].data).toMatchObject({ live: true, streams: { [world.stream]: { epoch, seq: seq + 3 } } })
  })

  test('at the head is resumed, and nothing is sent again', async () => {
    const world = await createWorld()
    const position = await positionNow(world, world.staff)
    const socket = await resumeAt(world, world.staff, position)
    expect(answerOf(socket, world.stream)).toEqual({ ...position, resumed: true, replayed: 0 })
    expect(socket.events(world.stream)).toEqual([])
  })

  test('of the log before the first event brings the whole log', async () => {
    const world = await createWorld()
    const { epoch, seq } = await positionNow(world, world.owner)
    const socket = await resumeAt(world, world.owner, { epoch, seq: 0 })
    expect(answerOf(socket, world.stream)).toEqual({ epoch, seq, resumed: true, replayed: seq })
    expect(seqsOf(socket, world.stream)).toEqual(Array.from({ length: seq }, (_, index) => index + 1))
  })

  test('is no reason to count what a filter hides', async () => {
    const world = await createWorld()
    const position = await positionNow(world, world.staff)
    await notify(world)
    const { id } = (await world.manager.api.post(`${world.path}/categories`, { name: 'Soups' })).data
    const socket = await joinStore(world, world.staff, { events: ['category_updated'], resume: { [world.stream]: position } })
    expect(answerOf(socket, world.stream)).toEqual({ ...position, seq: position.seq + 2, resumed: true, replayed: 1 })
    expect(socket.events(world.stream).map((event) => event.data.categoryId)).toEqual([id])
  })

  test('of the own stream is gone on from as well', async () => {
    const world = await createWorld()
    const stream = `user:${world.kitchen.id}`
    const position = await positionNow(world, world.kitchen, stream)
    await world.manager.api.post(`${world.path}/notifications`, { message: 'Your shift', level: 'info', userId: world.kitchen.id })
    const socket = await resumeAt(world, world.kitchen, position, stream)
    expect(answerOf(socket, stream)).toEqual({ ...position, seq: position.seq + 1, resumed: true, replayed: 1 })
    expect(socket.events(stream).map((event) => event.data.message)).toEqual(['Your shift'])
  })
})

describe('a position is refused, with the reason, and the socket is live from now', () => {
  async function expectRefused(world: World, user: Pick<TestUser, 'id' | 'token'>, position: Position, reason: string) {
    const head = await positionNow(world, user)
    const socket = await resumeAt(world, user, position)
    const { replayed = 0, ...answer } = answerOf(socket, world.stream)
    expect([answer, replayed]).toEqual([{ ...head, resumed: false, reason }, 0])
    const message = await notify(world)
    await socket.next(({ data }) => data.message === message)
    expect(seqsOf(socket, world.stream)).toEqual([head.seq + 1])
  }

  test('of another epoch', async () => {
    const world = await createWorld()
    const { seq } = await positionNow(world, world.staff)
    await expectRefused(world, world.staff, { epoch: 'of-another-log', seq }, 'epoch_changed')
  })

  test('ahead of the log', async () => {
    const world = await createWorld()
    const { epoch, seq } = await positionNow(world, world.staff)
    await expectRefused(world, world.staff, { epoch, seq: seq + 1 }, 'ahead')
    await expectRefused(world, world.staff, { epoch, seq: Number.MAX_SAFE_INTEGER }, 'ahead')
  })

  test('whose events were removed', async () => {
    const world = await createWorld()
    const position = await positionNow(world, world.staff)
    await notify(world)
    await notify(world)
    await db.execute(sql`delete from events where stream = ${world.stream} and seq <= ${position.seq + 1}`)
    await db.execute(sql`update streams set pruned_seq = ${position.seq + 1} where stream = ${world.stream}`)
    await expectRefused(world, world.staff, position, 'expired')
  })

  test('from before the member was removed and came back', async () => {
    const world = await createWorld()
    const position = await positionNow(world, world.staff)
    await world.owner.api.delete(`${world.path}/members/${world.staff.id}`)
    await world.owner.api.post(`${world.path}/members`, { email: world.staff.email, role: 'staff' })
    await expectRefused(world, world.staff, position, 'expired')
  })

  test('from before the member was given more to see', async () => {
    const world = await createWorld()
    const position = await positionNow(world, world.kitchen)
    await world.owner.api.patch(`${world.path}/members/${world.kitchen.id}`, { role: 'staff' })
    await expectRefused(world, world.kitchen, position, 'expired')
  })

  test('from before a kiosk became a kitchen screen', async () => {
    const world = await createWorld()
    const device = await createDevice(world, 'kiosk')
    const position = await positionNow(world, device)
    await world.owner.api.patch(`${world.path}/members/${device.id}`, { role: 'kitchen' })
    await expectRefused(world, device, position, 'expired')
  })

  // Writes 10,001 events: by hand, with WS_TEST_TOO_FAR=1. Not registered otherwise: a skipped test counts as a failure.
  if (process.env.WS_TEST_TOO_FAR === '1')
    test('more than 10,000 events behind, and 10,000 are not', async () => {
      const world = await createWorld()
      const position = await positionNow(world, world.staff)
      for (let written = 0; written < 10_000; written += 25) await Promise.all(Array.from({ length: 25 }, () => notify(world)))
      const socket = await resumeAt(world, world.staff, position)
      expect(answerOf(socket, world.stream)).toMatchObject({ resumed: true, replayed: 10_000 })
      const seqs = seqsOf(socket, world.stream)
      expect(seqs).toEqual(Array.from({ length: 10_000 }, (_, index) => position.seq + 1 + index))
      await notify(world)
      await expectRefused(world, world.staff, position, 'too_far')
    }, 300_000)
})

test('a removal from a store costs no position of the own stream', async () => {
  const world = await createWorld()
  const stream = `user:${world.staff.id}`
  const position = await positionNow(world, world.staff, stream)
  await world.owner.api.delete(`${world.path}/members/${world.staff.id}`)
  await world.owner.api.post(`${world.path}/members`, { email: world.staff.email, role: 'staff' })
  const socket = await resumeAt(world, world.staff, position, stream)
  expect(answerOf(socket, stream)).toEqual({ ...position, seq: position.seq + 2, resumed: true, replayed: 2 })
  expect(socket.events(stream).map((event) => [event.data.action, event.storeId])).toEqual([
    ['member_removed', world.storeId],
    ['member_added', world.storeId],
  ])
})

describe('the queue of a device', () => {
  const acknowledge = (position: Position, stream: string) => ({ type: 'ack', data: { stream, ...position } })

  test('goes on after what it acknowledged, without any position of its own', async () => {
    const world = await createWorld()
    const deviceId = crypto.randomUUID()
    const first = await joinStore(world, world.staff, { deviceId })
    expect(answerOf(first, world.stream)).toMatchObject({ resumed: false })
    expect(answerOf(first, world.stream).reason).toBeUndefined()
    await notify(world)
    const { epoch, seq } = await first.next(({ stream }) => stream === world.stream)
    expect(await refusalOf(first, acknowledge({ epoch, seq }, world.stream))).toBe('ack')
    first.close()
    const missed = [await notify(world), await notify(world)]

    const second = await joinStore(world, world.staff, { deviceId })
    expect(answerOf(second, world.stream)).toEqual({ epoch, seq: seq + 2, resumed: true, replayed: 2 })
    expect(second.events(world.stream).map((event) => event.data.message)).toEqual(missed)
    const elsewhere = await joinStore(world, world.staff, { deviceId: crypto.randomUUID() })
    expect(answerOf(elsewhere, world.stream)).toMatchObject({ resumed: false })
  })

  test('belongs to its user', async () => {
    const world = await createWorld()
    const deviceId = crypto.randomUUID()
    const socket = await joinStore(world, world.staff, { deviceId })
    const { epoch, seq } = answerOf(socket, world.stream)
    expect(await refusalOf(socket, acknowledge({ epoch, seq }, world.stream))).toBe('ack')
    const other = await joinStore(world, world.kitchen, { deviceId })
    expect(answerOf(other, world.stream)).toMatchObject({ resumed: false })
  })

  test('gives way to a position that the client brings', async () => {
    const world = await createWorld()
    const deviceId = crypto.randomUUID()
    const socket = await joinStore(world, world.staff, { deviceId })
    const { epoch, seq } = answerOf(socket, world.stream)
    await notify(world)
    await notify(world)
    expect(await refusalOf(socket, acknowledge({ epoch, seq }, world.stream))).toBe('ack')
    const again = await joinStore(world, world.staff, { deviceId, resume: { [world.stream]: { epoch, seq: seq + 1 } } })
    expect(answerOf(again, world.stream)).toEqual({ epoch, seq: seq + 2, resumed: true, replayed: 1 })
  })

  test('takes no position that was never sent, and none of a stream that is not followed', async () => {
    const [world, other] = [await createWorld(), await createWorld()]
    const socket = await joinStore(world, world.staff, { deviceId: crypto.randomUUID() })
    const { epoch, seq } = answerOf(socket, world.stream)
    expect(await refusalOf(socket, acknowledge({ epoch, seq: seq + 1 }, world.stream))).toBe('not_found')
    expect(await refusalOf(socket, acknowledge({ epoch: 'another', seq }, world.stream))).toBe('not_found')
    expect(await refusalOf(socket, acknowledge({ epoch, seq }, other.stream))).toBe('not_found')
    expect(await refusalOf(await joinStore(world, world.staff), acknowledge({ epoch, seq }, world.stream))).toBe('forbidden')
  })
})
