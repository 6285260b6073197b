import { describe, expect, test } from 'bun:test'
import { joinStore, notify, refusalOf } from './support/member-socket'
import { RawClient } from './support/raw-client'
import { opcodes, type RawSocket } from './support/raw-socket'
import { testServer } from './support/server'
import { TestSocket } from './support/socket'
import { createDevice, createWorld } from './support/world'

const openRaw = async () => RawClient.open((await testServer()).port)

describe('ping and pong', () => {
  test('as JSON work before authentication, with the id that was given', async () => {
    const socket = await TestSocket.open()
    socket.sendText('{"type":"ping"}')
    expect((await socket.next('pong')).data).toEqual({})
    socket.send({ type: 'ping', id: 'p-1', data: { anything: true }, timestamp: '2026-01-01T00:00:00.000Z' })
    expect((await socket.next('pong')).data).toEqual({ replyTo: 'p-1' })
    socket.send({ type: 'pong', data: {} })
    await socket.settled()
    expect(socket.all('error')).toEqual([])
  })

  test('a pong comes after all that was committed before its ping', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.owner)
    const start = socket.answer.streams[world.stream].seq
    const [rounds, together] = [40, 6]
    for (let round = 1; round <= rounds; round++) {
      await Promise.all(Array.from({ length: together }, () => notify(world)))
      await socket.settled()
      expect(socket.events(world.stream).at(-1)?.seq).toBe(start + round * together)
    }
  })

  test('as protocol frames are answered with the same payload', async () => {
    const raw = await openRaw()
    raw.socket.sendFrame(opcodes.ping, Buffer.from('are you there'))
    await raw.ask({ type: 'ping' })
    expect(raw.socket.pongs).toEqual(['are you there'])
    raw.socket.cut()
  })
})

describe('a custom action', () => {
  test('reaches the other sockets of the store, those of its sender too, with who and from where', async () => {
    const world = await createWorld()
    const sender = await joinStore(world, world.staff)
    const others = [await joinStore(world, world.staff), await joinStore(world, world.kitchen)]
    const data = { action: 'highlight', orderIds: ['a', 'b'], nested: { deep: [1, null] } }
    expect(await refusalOf(sender, { type: 'custom_action', data })).toBe('ack')
    for (const socket of others) {
      expect(await socket.next('custom_action')).toEqual({
        type: 'custom_action',
        data,
        timestamp: expect.any(String),
        userId: world.staff.id,
        storeId: world.storeId,
        sessionId: sender.answer.sessionId,
      })
    }
    await sender.settled()
    expect(sender.all('custom_action')).toEqual([])
  })

  test('goes to another store only by name and subscription', async () => {
    const [world, other] = [await createWorld(), await createWorld()]
    const sender = await joinStore(world, world.staff)
    const [here, there] = [await joinStore(world, world.kitchen), await joinStore(other, other.kitchen)]
    const message = { type: 'custom_action', data: { action: 'wave', storeId: other.storeId } }
    expect(await refusalOf(sender, message)).toBe('not_found')
    expect(await refusalOf(sender, { type: 'subscribe', data: { storeId: other.storeId } })).toBe('subscribed')
    expect(await refusalOf(sender, message)).toBe('ack')
    expect((await there.next('custom_action')).storeId).toBe(other.storeId)
    await here.settled()
    expect(here.all('custom_action')).toEqual([])
  })

  test('is not for kiosks, neither to send nor to hear', async () => {
    const world = await createWorld()
    const kiosk = await joinStore(world, await createDevice(world, 'kiosk'))
    const sender = await joinStore(world, world.staff)
    expect(await refusalOf(sender, { type: 'custom_action', data: { action: 'wave' } })).toBe('ack')
    expect(await refusalOf(kiosk, { type: 'custom_action', data: { action: 'wave' } })).toBe('forbidden')
    await kiosk.settled()
    expect(kiosk.all('custom_action')).toEqual([])
  })
})

describe('a type that clients do not send', () => {
  test('is answered, passed on to nobody, and is no strike', async () => {
    const world = await createWorld()
    const [socket, peer] = [await joinStore(world, world.owner), await joinStore(world, world.staff)]
    for (const type of ['order_created', 'PING', 'nonsense', '__proto__', 'constructor', 'toString', 'sync', 'error', 'a', 'b', 'c', 'd']) {
      socket.sendText(JSON.stringify({ type, id: `of ${type}`, data: { orderId: 'x' }, stream: world.stream, seq: 1 }))
      expect((await socket.next(({ data }) => data?.replyTo === `of ${type}`)).data.code).toBe('unknown_type')
    }
    await peer.settled()
    expect(peer.all('order_created')).toEqual([])
    expect(socket.closed).toBeUndefined()
  })
})

const invalid = [
  '{',
  '',
  'null',
  '[]',
  '12',
  '"ping"',
  '{"data":{}}',
  '{"type":5}',
  '{"type":""}',
  '{"type":"ping","data":[]}',
  '{"type":"ping","data":null}',
  '{"type":"ping","id":7}',
  `{"type":"${'x'.repeat(65)}"}`,
  `{"type":"ping","id":"${'x'.repeat(129)}"}`,
  '{"type":"authenticate"}',
  '{"type":"authenticate","data":{"userId":5}}',
  `{"type":"authenticate","data":{"userId":"a","deviceId":"${'d'.repeat(129)}"}}`,
  '{"type":"authenticate","data":{"userId":"a","deviceId":"\\u0000"}}',
  '{"type":"authenticate","data":{"userId":"a","deviceId":"\\ud800"}}',
  '{"type":"authenticate","data":{"userId":"a","events":["everything"]}}',
  '{"type":"authenticate","data":{"userId":"a","where":{"total":["5"]}}}',
  '{"type":"authenticate","data":{"userId":"a","resume":{"store:x":{"epoch":"e","seq":-1}}}}',
  '{"type":"authenticate","data":{"userId":"a","resume":{"store:x":{"epoch":"e","seq":1.5}}}}',
  '{"type":"subscribe","data":{}}',
  '{"type":"subscribe","data":{"trackingToken":"\\u0000"}}',
  '{"type":"unsubscribe","data":{}}',
  '{"type":"ack","data":{"stream":"store:x"}}',
  '{"type":"custom_action","data":{}}',
  '['.repeat(8000),
  '{"a":'.repeat(2500),
]

describe('an invalid frame', () => {
  test.each(invalid.map((text) => [text.slice(0, 90), text]))('%s is answered with invalid_message', async (_short, text) => {
    const socket = await TestSocket.open()
    socket.sendText(text)
    const error = await socket.next('error')
    expect([error.data.code, typeof error.data.message]).toEqual(['invalid_message', 'string'])
    await socket.settled()
    socket.close()
  })

  test('leaves the socket open until the tenth within a minute, and touches no other', async () => {
    const world = await createWorld()
    const [socket, peer] = [await joinStore(world, world.staff), await joinStore(world, world.kitchen)]
    for (let count = 1; count < 10; count++) {
      socket.sendText('{')
      await socket.next('error')
    }
    await socket.settled()
    expect(socket.closed).toBeUndefined()
    socket.sendText('{')
    expect(await socket.closeCode()).toBe(4400)
    const message = await notify(world)
    await peer.next(({ data }) => data.message === message)
  })

  test('names the id of its message, when that could be read', async () => {
    const socket = await TestSocket.open()
    socket.sendText('{"type":"subscribe","id":"mine","data":{}}')
    expect((await socket.next('error')).data.replyTo).toBe('mine')
  })
})

describe('a frame that is no message', () => {
  test.each<[string, number, (raw: RawSocket) => void]>([
    ['binary', 1003, (raw) => raw.sendFrame(opcodes.binary, Buffer.from('{"type":"ping"}'))],
    ['over 16 KiB', 1009, (raw) => raw.sendFrame(opcodes.text, Buffer.from(`{"type":"ping","data":{"x":"${'x'.repeat(16_384)}"}}`))],
    ['over 16 KiB in few characters', 1009, (raw) => raw.sendFrame(opcodes.text, Buffer.from(`{"type":"ping","data":{"x":"${'€'.repeat(6000)}"}}`))],
    ['of 10 MiB', 1009, (raw) => raw.sendFrame(opcodes.text, Buffer.alloc(10 * 1024 * 1024, 'x'))],
    ['of a terabyte, as it says', 1009, (raw) => raw.sendBytes(Buffer.from([0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]))],
    ['not UTF-8', 1007, (raw) => raw.sendFrame(opcodes.text, Buffer.from([0xc3, 0x28]))],
    ['not masked', 1002, (raw) => raw.sendBytes(Buffer.from([0x81, 0x01, 0x61]))],
    ['of an unknown kind', 1002, (raw) => raw.sendFrame(3, Buffer.from('x'))],
  ])('%s closes its socket with %d and nothing else', async (_what, code, send) => {
    const peer = await TestSocket.open()
    const raw = await openRaw()
    send(raw.socket)
    expect(await raw.closed).toBe(code)
    await peer.settled()
    peer.close()
  })

  test('of exactly 16 KiB, or in pieces, is one', async () => {
    const raw = await openRaw()
    const frame = (length: number) => `{"type":"ping","id":"long","data":{"x":"${'x'.repeat(length)}"}}`
    raw.socket.sendFrame(opcodes.text, Buffer.from(frame(16_384 - frame(0).length)))
    const text = Buffer.from('{"type":"ping","id":"pieces"}')
    raw.socket.sendFrame(opcodes.text, text.subarray(0, 9), false)
    raw.socket.sendFrame(0, text.subarray(9))
    for (const id of ['long', 'pieces']) await raw.next((answer) => answer.type === 'pong' && answer.data.replyTo === id)
    raw.socket.cut()
  })
})

describe('too many messages', () => {
  test('are told once, with when to go on, and more of them end the socket', async () => {
    const socket = await TestSocket.open()
    for (let count = 0; count < 120; count++) socket.sendText('{"type":"pong"}')
    const error = await socket.next('error')
    expect(error.data.code).toBe('rate_limited')
    expect(error.data.retryAfterMs).toBeWithin(1, 51)
    for (let count = 0; count < 200; count++) socket.sendText('{"type":"pong"}')
    expect(await socket.closeCode()).toBe(4429)
    expect(socket.all('error')).toHaveLength(1)
  })

  test('are not a burst of 100', async () => {
    const socket = await TestSocket.open()
    for (let count = 0; count < 99; count++) socket.sendText('{"type":"pong"}')
    await socket.settled()
    expect(socket.all('error')).toEqual([])
  })
})
