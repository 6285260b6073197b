import { afterEach, describe, expect, test } from 'bun:test'
import { withEvents } from '~/db/events'
import { storeStream } from '~/db/streams'
import { wsManager } from '~/utils/websocket'
import { ApiClient, anonymous, positionOf } from './support/api'
import { joinStore, type MemberSocket, seqsOf } from './support/member-socket'
import { createWorld, registerUser, type TestUser, type World } from './support/world'

/**
 * Rights that end while 500 events a second flow. What is revoked stops within a second, at exactly the event that
 * says so, and whoever sits beside hears every number.
 */

const perTurn = 25
const turnMs = 50
const withinMs = 1_000

type Flow = { stop(): Promise<void> }
let flows: Flow[] = []
afterEach(async () => {
  await Promise.all(flows.map((flow) => flow.stop()))
  flows = []
})

/** Logs events of a store without end, every fifth of them about a customer, which the kitchen may not see. */
async function startFlow(world: World): Promise<Flow> {
  const { data: customer } = await world.staff.api.post(`${world.path}/customers`, { firstName: 'Flo' })
  const about = { action: 'updated', customerId: customer.id, customerName: 'Flo', customer } as const
  const notice = { message: 'flowing', level: 'info', notificationId: Bun.randomUUIDv7() } as const
  const request = { requestId: 'flow', wsSessionId: null, ifMatch: null, idempotency: null }
  const actor = { userId: world.owner.id, kind: 'person', sessionId: 'flow', expiresAt: null, request } as const
  const stream = storeStream(world.storeId)
  let isOn = true
  async function run(): Promise<void> {
    while (isOn) {
      const startedAt = performance.now()
      const { events } = await withEvents(actor, async (_, emit) => {
        for (let n = 0; n < perTurn; n++) {
          if (n % 5 === 0) emit({ stream, type: 'customer_updated', data: about, subjectId: customer.id })
          else emit({ stream, type: 'general_notification', data: notice, subjectId: world.storeId })
        }
        return {}
      })
      wsManager.sendStoreUpdate(world.storeId, events)
      await Bun.sleep(Math.max(0, turnMs - (performance.now() - startedAt)))
    }
  }
  const running = run()
  const flow = {
    async stop() {
      isOn = false
      await running
    },
  }
  flows.push(flow)
  return flow
}

const headOf = async (world: World) => positionOf(await world.owner.api.get(`${world.path}/categories`), world.stream).seq

/** A further session of a user, by signing in again. */
async function signInAgain(user: TestUser): Promise<TestUser> {
  const { data } = await (await anonymous()).post('/auth/login', { email: user.email, password: user.password })
  return { ...user, token: data.token, api: new ApiClient(user.api.server, data.token) }
}

/** Ends the flow; then the socket beside must have every seq from its beginning to the head. */
async function expectUndisturbed(beside: MemberSocket, world: World, flow: Flow): Promise<void> {
  await flow.stop()
  const { seq: from } = beside.answer.streams[world.stream]
  const head = await headOf(world)
  if (seqsOf(beside, world.stream).at(-1) !== head) await beside.next((frame) => frame.stream === world.stream && frame.seq === head)
  expect(seqsOf(beside, world.stream)).toEqual(Array.from({ length: head - from }, (_, index) => from + 1 + index))
  expect(beside.closed).toBeUndefined()
}

const flowing = (socket: MemberSocket, world: World) => socket.next((frame) => frame.stream === world.stream && frame.data.message === 'flowing')

describe('while 500 events a second flow', () => {
  test('a removed member hears of his removal and nothing after it', async () => {
    const world = await createWorld()
    const [removed, beside] = [await joinStore(world, world.staff), await joinStore(world, world.manager)]
    const flow = await startFlow(world)
    await flowing(removed, world)
    const answer = await world.owner.api.delete(`${world.path}/members/${world.staff.id}`)
    const { seq } = positionOf(answer, world.stream)
    const word = await removed.next('unsubscribed', withinMs)
    expect(word.data).toEqual({ storeId: world.storeId, reason: 'revoked' })
    const head = await headOf(world)
    await beside.next((frame) => frame.stream === world.stream && frame.seq > head + perTurn)
    await removed.settled()
    expect(seqsOf(removed, world.stream).at(-1)).toBe(seq)
    expect(removed.frames.slice(removed.frames.indexOf(word)).some((frame) => frame.stream === world.stream)).toBe(false)
    await expectUndisturbed(beside, world, flow)
  })

  test('somebody who is removed and added again comes back to a whole stream', async () => {
    const world = await createWorld()
    const [removed, beside] = [await joinStore(world, world.staff), await joinStore(world, world.manager)]
    const flow = await startFlow(world)
    await flowing(removed, world)
    await world.owner.api.delete(`${world.path}/members/${world.staff.id}`)
    await removed.next('unsubscribed', withinMs)
    await world.owner.api.post(`${world.path}/members`, { email: world.staff.email, role: 'staff' })
    const back = await joinStore(world, world.staff)
    await flow.stop()
    const { seq: from } = back.answer.streams[world.stream]
    const head = await headOf(world)
    await back.settled()
    expect(seqsOf(back, world.stream)).toEqual(Array.from({ length: head - from }, (_, index) => from + 1 + index))
    await expectUndisturbed(beside, world, flow)
  })

  test('from the event of a changed role on the new one counts, exactly', async () => {
    const world = await createWorld()
    const [changed, beside] = [await joinStore(world, world.staff), await joinStore(world, world.manager)]
    const flow = await startFlow(world)
    await flowing(changed, world)
    const answer = await world.owner.api.patch(`${world.path}/members/${world.staff.id}`, { role: 'kitchen' })
    const { seq } = positionOf(answer, world.stream)
    await changed.next((frame) => frame.stream === world.stream && frame.seq > seq + perTurn * 4)
    await expectUndisturbed(beside, world, flow)
    await changed.settled()
    const about = (frame: { type: string }) => frame.type.startsWith('customer_')
    const heard = beside.events(world.stream)
    const mine = (from: number) => changed.events(world.stream).filter((frame) => frame.seq > from)
    expect(mine(seq).some(about)).toBe(false)
    expect(mine(seq).map((frame) => frame.seq)).toEqual(heard.filter((frame) => frame.seq > seq && !about(frame)).map((frame) => frame.seq))
    const before = changed.events(world.stream).filter((frame) => frame.seq <= seq)
    expect(before.map((frame) => frame.seq)).toEqual(
      heard.filter((frame) => frame.seq <= seq && frame.seq >= before[0]?.seq).map((frame) => frame.seq),
    )
  })

  test.each(['logout', 'session', 'password'] as const)('a session that ends (%s) takes its sockets along, and no others', async (how) => {
    const world = await createWorld()
    const user = await registerUser('Sid')
    await world.owner.api.post(`${world.path}/members`, { email: user.email, role: 'manager' })
    const other = await signInAgain(user)
    const [ending, staying, beside] = [await joinStore(world, other), await joinStore(world, user), await joinStore(world, world.staff)]
    const flow = await startFlow(world)
    await flowing(ending, world)
    await endSession(how, user, other)
    expect(await ending.closeCode(withinMs)).toBe(4401)
    const seqs = seqsOf(ending, world.stream)
    expect(seqs).toEqual(Array.from(seqs, (_, index) => (seqs[0] ?? 0) + index))
    await expectUndisturbed(staying, world, flow)
    await expectUndisturbed(beside, world, flow)
  })
})

/** Ends the session of `other`, by its own hand or by that of `user`. */
async function endSession(how: 'logout' | 'session' | 'password', user: TestUser, other: TestUser): Promise<void> {
  if (how === 'logout') await other.api.post('/auth/logout')
  else if (how === 'password') await user.api.patch('/users/password', { currentPassword: user.password, newPassword: 'another good password' })
  else {
    const { data } = await user.api.get('/users/sessions')
    const theirs = data.filter((session: { current: boolean }) => !session.current)
    await Promise.all(theirs.map((session: { id: string }) => user.api.delete(`/users/sessions/${session.id}`)))
  }
}
