import { describe, expect, test } from 'bun:test'
import { positionOf } from './support/api'
import { joinStore, notify, refusalOf, seqsOf } from './support/member-socket'
import { TestSocket } from './support/socket'
import { createWorld, registerUser } from './support/world'

const authenticate = (data: Record<string, unknown>) => ({ type: 'authenticate', data })
const ticketOf = async (user: { api: { post(path: string): Promise<{ data: { ticket: string } }> } }) =>
  (await user.api.post('/websocket/tickets')).data.ticket

describe('the answer', () => {
  test('names session, role, counts and the streams with their heads; then the streams are live', async () => {
    const world = await createWorld()
    const head = positionOf(await world.staff.api.get(`${world.path}/members`), world.stream)
    await joinStore(world, world.manager)
    const socket = await TestSocket.open({ token: world.staff.token })
    const { sessionId } = (await socket.next('general_notification')).data
    socket.send({ type: 'authenticate', id: 'first', data: { userId: world.staff.id, storeId: world.storeId } })
    const { data } = await socket.next('general_notification')
    const ownStream = `user:${world.staff.id}`
    expect(data).toEqual({
      message: 'Authentication successful',
      sessionId,
      userId: world.staff.id,
      storeId: world.storeId,
      role: 'staff',
      userSessions: expect.any(Number),
      storeSessions: 2,
      expiresAt: (await world.staff.api.get('/auth/session')).data.session.expiresAt,
      streams: { [world.stream]: { ...head, resumed: false, replayed: 0 }, [ownStream]: { ...data.streams[ownStream], resumed: false } },
      replyTo: 'first',
    })
    const sync = await socket.next('sync')
    expect(sync.data).toEqual({ live: true, streams: { [world.stream]: head, [ownStream]: { epoch: expect.any(String), seq: expect.any(Number) } } })
  })

  test('without a store has no role, and only the own stream', async () => {
    const { stranger } = await createWorld()
    const socket = await TestSocket.open({ token: stranger.token })
    const answer = await socket.authenticate({ userId: stranger.id })
    expect(answer).toMatchObject({ storeId: null, role: null, storeSessions: 0 })
    expect(Object.keys(answer.streams)).toEqual([`user:${stranger.id}`])
  })
})

describe('who somebody is', () => {
  test('may be said by a token, or by a ticket, on a socket that came with nothing', async () => {
    const world = await createWorld()
    for (const credential of [{ token: world.staff.token }, { ticket: await ticketOf(world.staff) }]) {
      const socket = await TestSocket.open()
      expect(await socket.authenticate({ userId: world.staff.id, storeId: world.storeId, ...credential })).toMatchObject({ role: 'staff' })
    }
  })

  test('a ticket opens one socket, also when many try at once', async () => {
    const world = await createWorld()
    const ticket = await ticketOf(world.staff)
    const sockets = await Promise.all(Array.from({ length: 5 }, () => TestSocket.open()))
    const message = authenticate({ userId: world.staff.id, storeId: world.storeId, ticket })
    const answers = await Promise.all(sockets.map((socket) => refusalOf(socket, message)))
    expect(answers.sort()).toEqual(['general_notification', ...Array(4).fill('unauthorized')])
  })

  test('whatever does not fit together is refused, and the socket stays anonymous', async () => {
    const world = await createWorld()
    const { staff, owner, stranger, storeId } = world
    const other = await createWorld()
    const wrong: [string, { token?: string }, Record<string, unknown>, string][] = [
      ['nothing to show', {}, { userId: staff.id, storeId }, 'unauthorized'],
      ['a dead token', { token: staff.token }, { userId: staff.id, storeId, token: 'x'.repeat(43) }, 'unauthorized'],
      ['an unknown ticket', { token: staff.token }, { userId: staff.id, storeId, ticket: 'x'.repeat(43) }, 'unauthorized'],
      ['a session for a ticket', {}, { userId: staff.id, storeId, ticket: staff.token }, 'unauthorized'],
      ['another user', { token: staff.token }, { userId: owner.id, storeId }, 'forbidden'],
      ["another user's token", { token: owner.token }, { userId: owner.id, storeId, token: staff.token }, 'forbidden'],
      ['a store of others', { token: stranger.token }, { userId: stranger.id, storeId }, 'forbidden'],
      ['a store that is not there', { token: staff.token }, { userId: staff.id, storeId: Bun.randomUUIDv7() }, 'forbidden'],
      ['a store that cannot be', { token: staff.token }, { userId: staff.id, storeId: 'everything' }, 'forbidden'],
    ]
    const sockets: TestSocket[] = []
    for (const [what, open, data, code] of wrong) {
      const socket = await TestSocket.open(open)
      expect([what, await refusalOf(socket, authenticate(data))]).toEqual([what, code])
      expect([what, await refusalOf(socket, { type: 'subscribe', data: { storeId: other.storeId } })]).toEqual([what, 'unauthorized'])
      sockets.push(socket)
    }
    await notify(world)
    for (const socket of sockets) {
      await socket.settled()
      expect(new Set(socket.frames.map((frame) => frame.type))).toEqual(new Set(['general_notification', 'error', 'pong']))
      expect(socket.all('general_notification')).toHaveLength(1)
      expect(socket.closed).toBeUndefined()
    }
  })

  test('an anonymous socket may ask nothing of a store', async () => {
    const world = await createWorld()
    const socket = await TestSocket.open({ token: world.staff.token })
    const position = { epoch: 'e', seq: 1 }
    expect(await refusalOf(socket, { type: 'custom_action', data: { action: 'wave', storeId: world.storeId } })).toBe('unauthorized')
    expect(await refusalOf(socket, { type: 'ack', data: { stream: world.stream, ...position } })).toBe('unauthorized')
    expect(await refusalOf(socket, { type: 'unsubscribe', data: { storeId: world.storeId } })).toBe('not_found')
  })

  test('no more than 50 sockets become one user, however many try at once', async () => {
    const crowd = await registerUser('Crowd')
    const sockets = await Promise.all(Array.from({ length: 60 }, () => TestSocket.open()))
    const answers = await Promise.all(sockets.map((socket) => refusalOf(socket, authenticate({ userId: crowd.id, token: crowd.token }))))
    const counts = Map.groupBy(answers, (answer) => answer)
    expect([counts.get('general_notification')?.length, counts.get('too_many_connections')?.length]).toEqual([50, 10])
    expect((await TestSocket.open({ token: crowd.token }).catch(String)).toString()).toContain('refused')
    for (const socket of sockets) socket.close()
  })
})

describe('authenticating again', () => {
  test('refreshes the session in place: subscriptions go on without a gap or a double', async () => {
    const [world, other] = [await createWorld(), await createWorld()]
    const socket = await joinStore(world, world.owner)
    expect(await refusalOf(socket, { type: 'subscribe', data: { storeId: other.storeId, events: ['order_created'] } })).toBe('subscribed')
    const start = socket.answer.streams[world.stream].seq
    const events = Array.from({ length: 6 }, () => notify(world))
    const again = await socket.authenticate({ userId: world.owner.id, token: world.owner.token })
    await Promise.all(events)
    await notify(other)
    await notify(world)
    await socket.settled()
    expect(again).toMatchObject({ storeId: world.storeId, role: 'owner', streams: { [world.stream]: { resumed: true, replayed: 0 } } })
    expect(seqsOf(socket, world.stream)).toEqual(Array.from({ length: 7 }, (_, index) => start + 1 + index))
    expect(socket.events(other.stream)).toEqual([])
  })

  test('for another store leaves the first one', async () => {
    const [first, second] = [await createWorld(), await createWorld()]
    const socket = await joinStore(first, first.staff)
    const answer = await socket.authenticate({ userId: first.staff.id, storeId: second.storeId })
    expect(Object.keys(answer.streams).sort()).toEqual([second.stream, `user:${first.staff.id}`])
    await notify(first)
    const message = await notify(second)
    expect((await socket.next(({ data }) => data.message === message)).stream).toBe(second.stream)
    expect(socket.events(first.stream)).toEqual([])
  })

  test('as another user leaves nothing of the first one', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.staff)
    const answer = await socket.authenticate({ userId: world.kitchen.id, storeId: world.storeId, token: world.kitchen.token })
    expect(answer).toMatchObject({ userId: world.kitchen.id, role: 'kitchen' })
    await world.staff.api.post(`${world.path}/customers`, { firstName: 'Cora' })
    await world.manager.api.post(`${world.path}/notifications`, { message: 'for staff alone', level: 'info', userId: world.staff.id })
    await notify(world)
    await socket.next(({ stream }) => stream === world.stream)
    await socket.settled()
    expect(socket.all('customer_created')).toEqual([])
    expect(socket.events(`user:${world.staff.id}`)).toEqual([])
  })

  test('in vain leaves the socket as it was', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.staff)
    expect(await refusalOf(socket, authenticate({ userId: world.staff.id, token: 'x'.repeat(43) }))).toBe('unauthorized')
    expect(await refusalOf(socket, authenticate({ userId: world.staff.id, storeId: Bun.randomUUIDv7() }))).toBe('forbidden')
    const message = await notify(world)
    await socket.next(({ data }) => data.message === message)
  })

  test('after the store was lost goes on without it', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.staff)
    await world.owner.api.delete(`${world.path}/members/${world.staff.id}`)
    await socket.next('unsubscribed')
    const answer = await socket.authenticate({ userId: world.staff.id })
    expect(answer).toMatchObject({ storeId: null, role: null })
    expect(Object.keys(answer.streams)).toEqual([`user:${world.staff.id}`])
  })
})
