import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openShop, type Shop, startOwnServer } from './support/own-server'
import type { ServerProcess } from './support/process'
import { RawClient } from './support/raw-client'
import { opcodes } from './support/raw-socket'
import { TestSocket } from './support/socket'
import { askUpgrade } from './support/upgrade'

let server: ServerProcess
let shop: Shop
beforeAll(async () => {
  server = await startOwnServer({ LOG_LEVEL: 'debug' })
  shop = await openShop(server)
}, 60_000)
afterAll(() => server.end('SIGKILL'))

// biome-ignore lint/suspicious/noExplicitAny: whatever a line holds; a wrong shape fails the assertion
type Line = any

/** The lines about one socket, once the one that says that it is closed is there. */
const linesOf = (sessionId: string): Promise<Line[]> =>
  server.printed((output) => {
    const lines = output.split('\n').filter((line) => line.includes(sessionId) && line.endsWith('}'))
    return lines.some((line) => line.includes('websocket: closed')) ? lines.map((line) => JSON.parse(line)) : undefined
  })

const withoutCommon = ({ time: _time, sessionId: _sessionId, ...line }: Line) => line
const debug = 20
const warning = 40

test('at debug each connect, authenticate, subscribe, frame in and out, and close is one line', async () => {
  const { data: branch } = await shop.api.post('/stores', { name: 'Branch' })
  const client = await RawClient.open(shop.port, shop.token)
  const { sessionId } = (await client.next(() => true)).data
  const sent: { type: string; bytes: number }[] = []
  const say = (message: { type: string; [field: string]: unknown }) => {
    client.socket.send(message)
    sent.push({ type: message.type, bytes: Buffer.byteLength(JSON.stringify(message)) })
  }
  say({ type: 'authenticate', data: { userId: shop.id, storeId: shop.storeId } })
  await client.next((frame) => frame.type === 'sync')
  say({ type: 'subscribe', data: { storeId: branch.id } })
  await client.next((frame) => frame.type === 'sync' && `store:${branch.id}` in frame.data.streams)
  await shop.api.post(`${shop.path}/notifications`, { message: 'Grüße, 厨房', level: 'info' })
  await client.next((frame) => frame.data.level === 'info')
  say({ type: 'ping', id: 'last' })
  await client.next((frame) => frame.type === 'pong')
  client.socket.sendFrame(opcodes.close, Buffer.from('\x03\xe8gone home', 'latin1'))
  expect(await client.closed).toBe(1000)

  const lines = await linesOf(sessionId)
  expect(new Set(lines.map((line) => line.level))).toEqual(new Set([debug]))
  const frames = lines.filter((line) => line.msg === 'websocket: frame').map(withoutCommon)
  const frame = (direction: string, { type, bytes }: { type: string; bytes: number }) => ({
    level: debug,
    type,
    bytes,
    direction,
    msg: 'websocket: frame',
  })
  expect(frames.filter(({ direction }) => direction === 'in')).toEqual(sent.map((one) => frame('in', one)))
  const received = client.frames.map((one) => ({ type: one.type, bytes: Buffer.byteLength(JSON.stringify(one)) }))
  expect(frames.filter(({ direction }) => direction === 'out')).toEqual(received.map((one) => frame('out', one)))
  const told = lines.filter((line) => line.msg !== 'websocket: frame').map(withoutCommon)
  expect(told).toEqual([
    { level: debug, isKnown: true, msg: 'websocket: connected' },
    { level: debug, userId: shop.id, storeId: shop.storeId, role: 'owner', msg: 'websocket: authenticated' },
    { level: debug, stream: `store:${branch.id}`, msg: 'websocket: subscribed' },
    { level: debug, code: 1000, reason: 'gone home', msg: 'websocket: closed' },
  ])
})

test('what the server closes says why', async () => {
  const socket = await TestSocket.open({ url: shop.ws })
  const { sessionId } = (await socket.next('general_notification')).data
  for (let count = 0; count < 10; count++) socket.sendText('{')
  expect(await socket.closeCode()).toBe(4400)
  const lines = await linesOf(sessionId)
  const warnings = lines.filter((line) => line.level === warning).map(withoutCommon)
  expect(warnings).toEqual([
    { level: warning, problem: 'not JSON', msg: 'websocket: invalid frame' },
    { level: warning, code: 4400, reason: 'Too many invalid messages', msg: 'websocket: closed' },
  ])
  expect(lines.filter((line) => line.direction === 'in').map((line) => line.type)).toEqual(Array(10).fill('invalid_message'))
})

test('a frame over the limit is told as the fault of its socket', async () => {
  const client = await RawClient.open(shop.port)
  const { sessionId } = (await client.next(() => true)).data
  client.socket.sendFrame(opcodes.text, Buffer.alloc(100_000, 'x'))
  expect(await client.closed).toBe(1009)
  expect((await linesOf(sessionId)).filter((line) => line.level === warning)).toHaveLength(1)
})

test('a refused upgrade is told with its status and the id of its request', async () => {
  await askUpgrade(server.base, { Authorization: 'Bearer of-bad-news', 'X-Request-Id': 'refused-1' })
  const line = await server.printed((output) => output.split('\n').find((text) => text.includes('refused-1') && text.endsWith('}')))
  expect(JSON.parse(line)).toMatchObject({
    level: debug,
    requestId: 'refused-1',
    status: 401,
    code: 'unauthorized',
    msg: 'websocket: upgrade refused',
  })
  expect(server.output()).not.toContain('of-bad-news')
})

test('a guest that follows an order is told by the order, never by its token', async () => {
  const product = (await shop.api.post(`${shop.path}/products`, { name: 'Tea', price: 300 })).data
  const order = (await shop.api.post(`${shop.path}/orders`, { type: 'pickup', items: [{ productId: product.id, quantity: 1 }] })).data
  const guest = await TestSocket.open({ url: shop.ws })
  const { sessionId } = (await guest.next('general_notification')).data
  guest.send({ type: 'subscribe', data: { trackingToken: order.trackingToken } })
  await guest.next('subscribed')
  guest.close()
  expect((await linesOf(sessionId)).find((line) => line.msg === 'websocket: subscribed')).toMatchObject({ level: debug, orderId: order.id })
  for (const secret of [order.trackingToken, shop.token]) expect(server.output()).not.toContain(secret)
})
