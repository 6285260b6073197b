import { describe, expect, test } from 'bun:test'
import { positionOf } from './support/api'
import { joinStore, notify, refusalOf, seqsOf } from './support/member-socket'
import { TestSocket } from './support/socket'
import { createOrder, createProduct, createWorld, registerUser } from './support/world'

const subscribe = (data: Record<string, unknown>) => ({ type: 'subscribe', data })

describe('a second store', () => {
  test('is live as soon as it is confirmed, beside the first', async () => {
    const [first, second] = [await createWorld(), await createWorld()]
    const socket = await joinStore(first, first.staff)
    const head = positionOf(await second.staff.api.get(`${second.path}/members`), second.stream)
    socket.send({ ...subscribe({ storeId: second.storeId }), id: 's-1' })
    const answer = await socket.next('subscribed')
    expect(answer.data).toMatchObject({ storeId: second.storeId, streams: { [second.stream]: { ...head, resumed: false } }, replyTo: 's-1' })
    const sync = await socket.next(({ type, data }) => type === 'sync' && second.stream in data.streams)
    expect(sync.data).toEqual({ live: true, streams: { [second.stream]: head } })
    const messages = [await notify(first), await notify(second)]
    for (const message of messages) await socket.next(({ data }) => data.message === message)
    expect([seqsOf(socket, first.stream).length, seqsOf(socket, second.stream)]).toEqual([1, [head.seq + 1]])
  })

  test('goes on from a position, given bare or by stream', async () => {
    const [first, second] = [await createWorld(), await createWorld()]
    const from = positionOf(await second.staff.api.get(`${second.path}/members`), second.stream)
    const missed = [await notify(second), await notify(second)]
    for (const resume of [from, { [second.stream]: from }]) {
      const socket = await joinStore(first, first.staff)
      socket.send(subscribe({ storeId: second.storeId, resume }))
      const { data } = await socket.next('subscribed')
      expect(data.streams[second.stream]).toEqual({ epoch: from.epoch, seq: from.seq + 2, resumed: true, replayed: 2 })
      await socket.next(({ type, data: { live, streams } }) => type === 'sync' && live && second.stream in streams)
      expect(socket.events(second.stream).map((event) => event.data.message)).toEqual(missed)
    }
  })

  test('of which one is no member, which is not there, or cannot be, is not found', async () => {
    const world = await createWorld()
    const socket = await TestSocket.open({ token: world.stranger.token })
    await socket.authenticate({ userId: world.stranger.id })
    for (const storeId of [world.storeId, Bun.randomUUIDv7(), 'nonsense']) expect(await refusalOf(socket, subscribe({ storeId }))).toBe('not_found')
    await notify(world)
    await socket.settled()
    expect(socket.events(world.stream)).toEqual([])
  })
})

describe('unsubscribing', () => {
  test('ends what comes of the store, and is confirmed', async () => {
    const [first, second] = [await createWorld(), await createWorld()]
    const socket = await joinStore(first, first.staff)
    expect(await refusalOf(socket, subscribe({ storeId: second.storeId }))).toBe('subscribed')
    socket.send({ type: 'unsubscribe', id: 'u-1', data: { storeId: second.storeId } })
    expect((await socket.next('unsubscribed')).data).toEqual({ storeId: second.storeId, replyTo: 'u-1' })
    await notify(second)
    const message = await notify(first)
    await socket.next(({ data }) => data.message === message)
    await socket.settled()
    expect(socket.events(second.stream)).toEqual([])
    expect(await refusalOf(socket, { type: 'unsubscribe', data: { storeId: second.storeId } })).toBe('not_found')
  })

  test('and coming back with the position misses nothing', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.staff)
    const { epoch, seq } = socket.answer.streams[world.stream]
    await notify(world)
    await socket.next(({ stream }) => stream === world.stream)
    expect(await refusalOf(socket, { type: 'unsubscribe', data: { storeId: world.storeId } })).toBe('unsubscribed')
    await notify(world)
    expect(await refusalOf(socket, subscribe({ storeId: world.storeId, resume: { epoch, seq: seq + 1 } }))).toBe('subscribed')
    await notify(world)
    await socket.next((frame) => frame.stream === world.stream && frame.seq === seq + 3)
    expect(seqsOf(socket, world.stream)).toEqual([seq + 1, seq + 2, seq + 3])
  })
})

describe('a filter', () => {
  test('by event lets only those through, presence and custom actions as well', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.staff, { events: ['product_updated', 'custom_action'] })
    const sender = await joinStore(world, world.manager)
    await notify(world)
    await createProduct(world)
    expect(await refusalOf(sender, { type: 'custom_action', data: { action: 'wave' } })).toBe('ack')
    await socket.next('custom_action')
    await socket.settled()
    expect(socket.all('user_joined')).toEqual([])
    expect(socket.events(world.stream).map((event) => event.type)).toEqual(['product_updated'])
  })

  test('by status and type asks about orders; other events pass', async () => {
    const world = await createWorld()
    const product = await createProduct(world)
    const socket = await joinStore(world, world.staff, { where: { status: ['preparing', 'ready'], type: ['dine_in'] } })
    const [eaten, taken] = [await createOrder(world, product.id, { type: 'dine_in' }), await createOrder(world, product.id)]
    for (const { id } of [eaten, taken])
      for (const status of ['preparing', 'ready', 'completed']) await world.staff.api.post(`${world.path}/orders/${id}/status`, { status })
    const message = await notify(world)
    await socket.next(({ data }) => data.message === message)
    const orders = socket.events(world.stream).filter((event) => event.data.orderId)
    expect(orders.map((event) => [event.data.orderId, event.data.status])).toEqual([
      [eaten.id, 'preparing'],
      [eaten.id, 'ready'],
    ])
  })

  test('never hides what is addressed to the user', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.kitchen, { events: ['order_created'] })
    await world.manager.api.post(`${world.path}/notifications`, { message: 'Your shift', level: 'info', userId: world.kitchen.id })
    expect((await socket.next(({ data }) => data.message === 'Your shift')).stream).toBe(`user:${world.kitchen.id}`)
  })

  test('is replaced by the next subscription, without a gap or a double', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.owner, { events: ['product_updated'] })
    const { seq } = socket.answer.streams[world.stream]
    await notify(world)
    const again = { ...subscribe({ storeId: world.storeId }), id: 'all' }
    const writes = [notify(world), notify(world)]
    socket.send(again)
    const { data } = await socket.next('subscribed')
    await Promise.all(writes)
    await notify(world)
    await socket.next((frame) => frame.stream === world.stream && frame.seq === seq + 4)
    const from = data.streams[world.stream].seq
    expect(seqsOf(socket, world.stream)).toEqual(Array.from({ length: seq + 4 - from }, (_, index) => from + 1 + index))
  })
})

test('50 stores are subscribed to, and no more', async () => {
  const owner = await registerUser('Chain')
  const made = await Promise.all(Array.from({ length: 51 }, () => owner.api.post('/stores', { name: 'Branch' })))
  const storeIds = made.map(({ data }) => data.id)
  const socket = await TestSocket.open({ token: owner.token })
  await socket.authenticate({ userId: owner.id, storeId: storeIds[0] })
  const answers: string[] = []
  for (const storeId of storeIds.slice(1)) answers.push(await refusalOf(socket, subscribe({ storeId })))
  expect(answers).toEqual([...Array(49).fill('subscribed'), 'too_many_subscriptions'])
  expect(await refusalOf(socket, subscribe({ storeId: storeIds[1] }))).toBe('subscribed')
  expect(await refusalOf(socket, { type: 'unsubscribe', data: { storeId: storeIds[1] } })).toBe('unsubscribed')
  expect(await refusalOf(socket, subscribe({ storeId: storeIds[50] }))).toBe('subscribed')
})
