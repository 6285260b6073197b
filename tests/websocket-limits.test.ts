import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { positionOf } from './support/api'
import { openShop, type Shop, startOwnServer } from './support/own-server'
import type { ServerProcess } from './support/process'
import { RawClient } from './support/raw-client'
import { opcodes } from './support/raw-socket'
import { TestSocket } from './support/socket'
import { askUpgrade } from './support/upgrade'

const heartbeatMs = 600
const authTimeoutMs = 2000
const settings = {
  WS_HEARTBEAT_MS: String(heartbeatMs),
  WS_AUTH_TIMEOUT_MS: String(authTimeoutMs),
  WS_MAX_BUFFERED_BYTES: '65536',
  WS_MAX_ANONYMOUS_PER_IP: '4',
  WS_MAX_CONNECTIONS: '10',
  LOG_LEVEL: 'info',
}

function freePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } })
  probe.stop()
  return probe.port
}

let server: ServerProcess
let shop: Shop
let hubPort = 0
beforeAll(async () => {
  hubPort = freePort()
  server = await startOwnServer({ ...settings, WS_PORT: String(hubPort) })
  shop = await openShop(server)
  // The first frame of a run makes this process prepare its checks, for longer than these settings are patient.
  const first = await openAnonymous()
  await first.next('general_notification')
  await closeAll([first])
}, 60_000)
afterAll(() => server.end('SIGKILL'))

const openAnonymous = () => TestSocket.open({ url: shop.ws })
const openKnown = () => TestSocket.open({ url: shop.ws, token: shop.token })
async function joined(data: Record<string, unknown> = {}) {
  const socket = await openKnown()
  const answer = await socket.authenticate({ userId: shop.id, storeId: shop.storeId, ...data })
  return Object.assign(socket, { position: answer.streams[shop.stream] })
}
async function joinedRaw(data: Record<string, unknown> = {}, answersPings = true) {
  const client = await RawClient.open(shop.port, shop.token, answersPings)
  const answer = await client.authenticate({ userId: shop.id, storeId: shop.storeId, ...data })
  return Object.assign(client, { position: answer.streams[shop.stream] })
}
const notify = (message: string) => shop.api.post(`${shop.path}/notifications`, { message, level: 'info' })
const openSockets = async () => (await server.api.get('/websocket/stats')).data.totalConnections

async function closeAll(sockets: TestSocket[]): Promise<void> {
  for (const socket of sockets) socket.close()
  await Promise.all(sockets.map((socket) => socket.closeCode()))
}

test('the hub, and only the hub, has a port of its own too', async () => {
  const socket = await TestSocket.open({ url: `ws://127.0.0.1:${hubPort}/ws`, token: shop.token })
  await socket.authenticate({ userId: shop.id, storeId: shop.storeId })
  await notify('On both')
  await socket.next(({ data }) => data.message === 'On both')
  for (const path of ['/api/v1/stores', '/console', '/', '/ws/']) {
    const answer = await fetch(`http://127.0.0.1:${hubPort}${path}`, { headers: { Authorization: `Bearer ${shop.token}` } })
    expect([path, answer.status, (await answer.json()).error.code]).toEqual([path, 404, 'not_found'])
  }
  await closeAll([socket])
})

describe('places', () => {
  test('for anonymous sockets of one address are few; a known user needs none of them, and a free one can be had again', async () => {
    const sockets = await Promise.all([openAnonymous(), openAnonymous(), openAnonymous(), openAnonymous()])
    const refused = await askUpgrade(server.base, { 'X-Request-Id': 'fifth' })
    expect([refused.status, refused.body.error]).toEqual([429, { code: 'rate_limited', requestId: 'fifth' }])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    sockets.push(await openKnown())
    await closeAll(sockets.splice(0, 1))
    sockets.push(await openAnonymous())
    await closeAll(sockets)
  })

  test('of the whole server are counted whosever they are', async () => {
    const sockets = await Promise.all(Array.from({ length: 10 }, openKnown))
    const refused = await askUpgrade(server.base, { Authorization: `Bearer ${shop.token}` })
    expect([refused.status, refused.body.error.code]).toEqual([503, 'unavailable'])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    await closeAll(sockets.splice(0, 1))
    sockets.push(await openKnown())
    await closeAll(sockets)
  })
})

describe('time', () => {
  test('to authenticate is limited, with a session on the upgrade as well; who did, or follows an order, stays', async () => {
    const product = (await shop.api.post(`${shop.path}/products`, { name: 'Tea', price: 300 })).data
    const items = [{ productId: product.id, quantity: 1 }]
    const { trackingToken } = (await shop.api.post(`${shop.path}/orders`, { type: 'pickup', items })).data
    const openedAt = performance.now()
    const [guest, ...late] = [await openAnonymous(), await openAnonymous(), await openKnown()]
    const member = await joined()
    guest?.send({ type: 'subscribe', data: { trackingToken } })
    await guest?.next('subscribed')
    for (const socket of late) expect(await socket.closeCode()).toBe(4401)
    expect(performance.now() - openedAt).toBeGreaterThan(authTimeoutMs - 50)
    for (const socket of [guest, member]) {
      await socket?.settled()
      expect(socket?.closed).toBeUndefined()
      socket?.close()
    }
  })

  test('a peer that says nothing for two heartbeats is closed with 4409, however much it is sent, and is no longer present', async () => {
    const silent = await joinedRaw({}, false)
    const watcher = await joined()
    const silentSince = performance.now()
    let isClosed = false
    void silent.closed.then(() => {
      isClosed = true
    })
    let sent = 0
    while (!isClosed) expect((await notify(`Tick ${++sent}`)).status).toBe(201)
    expect(await silent.closed).toBe(4409)
    expect(performance.now() - silentSince).toBeWithin(heartbeatMs, heartbeatMs * 8)
    expect(silent.socket.pings).toBeGreaterThan(0)
    expect(silent.events(shop.stream).length).toBeGreaterThan(0)
    const presence = (await shop.api.get(`${shop.path}/presence`)).data
    expect(presence.map(({ sessions }: { sessions: number }) => sessions)).toEqual([1])
    await closeAll([watcher])
  })

  test('any message counts as heard: pings as JSON keep a socket open that answers none', async () => {
    const client = await joinedRaw({}, false)
    const beats = () => client.frames.filter((frame) => frame.type === 'sync').length
    for (let beat = 1; beat <= 4; beat++) {
      await client.next(() => beats() > beat)
      await client.ask({ type: 'ping' })
    }
    client.socket.close()
    expect(await client.closed).toBe(1000)
  })
})

test('each heartbeat brings a sync with what was sent, which moves a filtered socket past what it was not sent', async () => {
  const [all, filtered] = [await joined(), await joined({ events: ['order_created'] })]
  const { epoch, seq } = all.position
  await notify('Only for one')
  for (const socket of [all, filtered]) {
    const sync = await socket.next(({ type, data }) => type === 'sync' && !data.live && data.streams[shop.stream].seq === seq + 1)
    expect(sync.data).toEqual({ streams: { [shop.stream]: { epoch, seq: seq + 1 }, [`user:${shop.id}`]: expect.anything() } })
  }
  expect(filtered.events(shop.stream)).toEqual([])
  const event = all.frames.findIndex((frame) => frame.seq === seq + 1)
  const sync = all.frames.findIndex((frame) => frame.type === 'sync' && frame.data.streams[shop.stream]?.seq === seq + 1)
  expect(event).toBeWithin(0, sync)
  await closeAll([all, filtered])
})

describe('a reader that stops reading', () => {
  /** A product of about 150 KB, with every event of which goes all of it: more than may wait unread. */
  async function createHeavyProduct() {
    const option = (index: number) => ({ id: `o${index}`, name: `${index} ${'spice '.repeat(19)}`.slice(0, 120), priceDelta: 0 })
    const options = Array.from({ length: 50 }, (_, index) => option(index))
    const modifierGroups = Array.from({ length: 17 }, (_, index) => ({ id: `g${index}`, name: `Group ${index}`, min: 0, max: 1, options }))
    const answer = await shop.api.post(`${shop.path}/products`, { name: 'Everything', price: 100, modifierGroups })
    expect(answer.status).toBe(201)
    return answer.data
  }

  test('is given up with a contiguous prefix, and has the rest when it comes back; others do not notice', async () => {
    const product = await createHeavyProduct()
    const [peer, slow] = [await joined(), await joinedRaw()]
    const { epoch, seq } = slow.position
    slow.socket.pause()
    const before = await openSockets()
    let price = 100
    while ((await openSockets()) === before) {
      const answer = await shop.api.patch(`${shop.path}/products/${product.id}`, { price: ++price })
      expect([answer.status, price < 400]).toEqual([200, true])
      // Slow is not silent.
      if (price % 4 === 0) slow.socket.send({ type: 'pong' })
    }
    slow.socket.resume()
    expect([4408, 1006]).toContain(await slow.closed)
    const head = positionOf(await shop.api.get(`${shop.path}/products`), shop.stream)
    const got = slow.events(shop.stream).map((event) => event.seq)
    expect(got).toEqual(got.map((_, index) => seq + 1 + index))
    expect(got.length).toBeLessThan(head.seq - seq)

    await peer.next((frame) => frame.seq === head.seq && frame.stream === shop.stream)
    const reached = seq + got.length
    const resumed = await joinedRaw({ resume: { [shop.stream]: { epoch, seq: reached } } })
    expect(resumed.position).toEqual({ ...head, resumed: true, replayed: head.seq - reached })
    const rest = resumed.events(shop.stream).map((event) => event.seq)
    expect(rest).toEqual(rest.map((_, index) => reached + 1 + index))
    expect(rest.at(-1)).toBe(head.seq)
    resumed.socket.close()

    // Catching up is never slowness, even with far more than may wait unread.
    const again = await RawClient.open(shop.port, shop.token)
    again.socket.send({ type: 'authenticate', data: { userId: shop.id, storeId: shop.storeId, resume: { [shop.stream]: { epoch, seq } } } })
    await again.next((frame) => frame.data.message === 'Authentication successful')
    again.socket.send({ type: 'pong' })
    again.socket.pause()
    const last = positionOf(await shop.api.patch(`${shop.path}/products/${product.id}`, { price: ++price }), shop.stream)
    again.socket.resume()
    await again.next((frame) => frame.stream === shop.stream && frame.seq === last.seq)
    expect(again.events(shop.stream).map((event) => event.seq)).toEqual(Array.from({ length: last.seq - seq }, (_, index) => seq + 1 + index))
    again.socket.close()
    await closeAll([peer])
  }, 30_000)
})

test('the log at its usual level tells of faults, a line a socket, without a word of what was sent', async () => {
  const marker = 'marker-of-a-payload'
  const [invalid, binary, lost, tidy] = await Promise.all(Array.from({ length: 4 }, () => RawClient.open(shop.port, shop.token)))
  if (!invalid || !binary || !lost || !tidy) throw new Error('four were opened')
  const sessionIds = await Promise.all([invalid, binary, lost, tidy].map(async (client) => (await client.next(() => true)).data.sessionId))
  for (const text of [marker, JSON.stringify({ type: 'authenticate', data: { userId: 5, where: { [marker]: [marker] } } })])
    invalid.socket.sendFrame(opcodes.text, Buffer.from(text))
  await invalid.next(() => invalid.frames.filter((frame) => frame.type === 'error').length === 2)
  invalid.socket.close()
  binary.socket.sendFrame(opcodes.binary, Buffer.from(marker))
  lost.socket.cut()
  tidy.socket.sendFrame(opcodes.text, Buffer.from(JSON.stringify({ type: marker, data: { [marker]: marker } })))
  tidy.socket.close()
  await Promise.all([invalid, binary, lost, tidy].map((client) => client.closed))

  const linesOf = (output: string) => sessionIds.map((id) => output.split('\n').filter((line) => line.includes(id)))
  const lines = await server.printed((output) => (linesOf(output)[2]?.length ? linesOf(output) : undefined))
  const told = lines.map((ofOne) => ofOne.map((line) => JSON.parse(line)).map(({ level, msg, problem, code }) => [level, msg, problem ?? code]))
  expect(told).toEqual([[[40, 'websocket: invalid frame', 'not JSON']], [[40, 'websocket: closed', 1003]], [[40, 'websocket: closed', 1006]], []])
  expect(server.output()).not.toContain(marker)
  expect(server.output()).not.toContain('websocket: frame')
})
