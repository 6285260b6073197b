import { expect, test } from 'bun:test'
import { openShop, startOwnServer } from './support/own-server'
import { TestSocket } from './support/socket'
import { askUpgrade } from './support/upgrade'

const drainSeconds = 2

test('SIGTERM asks sockets to move, goes on delivering, takes no new ones, ends the rest with 1012, and the process with 0', async () => {
  const server = await startOwnServer({ DRAIN_SECONDS: String(drainSeconds) })
  const shop = await openShop(server)
  const sockets = await Promise.all([0, 1, 2].map(() => TestSocket.open({ url: shop.ws, token: shop.token })))
  const [staying, moving, anonymous] = sockets
  if (!staying || !moving || !anonymous) throw new Error('three were opened')
  for (const socket of [staying, moving]) await socket.authenticate({ userId: shop.id, storeId: shop.storeId })

  const startedAt = performance.now()
  const ended = server.end('SIGTERM')
  for (const socket of [staying, moving]) {
    const { data } = await socket.next('goaway')
    expect(Object.keys(data)).toEqual(['reconnectAfterMs'])
    expect(data.reconnectAfterMs).toBeWithin(0, drainSeconds * 1000 + 1)
  }
  const ready = await server.api.get('/health/ready')
  expect([ready.status, (await server.api.get('/health/live')).status]).toEqual([503, 200])
  const refused = await askUpgrade(server.base, { Authorization: `Bearer ${shop.token}` })
  expect([refused.status, refused.body.error.code, Number(refused.headers['retry-after']) > 0]).toEqual([503, 'unavailable', true])

  moving.close(1000)
  expect(await moving.closeCode()).toBe(1000)
  const written = await shop.api.post(`${shop.path}/notifications`, { message: 'Last orders', level: 'info' })
  expect(written.status).toBe(201)
  expect((await staying.next(({ data }) => data.message === 'Last orders')).stream).toBe(shop.stream)
  await staying.settled()

  expect([await staying.closeCode(), await anonymous.closeCode()]).toEqual([1012, 1012])
  expect(performance.now() - startedAt).toBeGreaterThan(drainSeconds * 1000 - 100)
  expect(await ended).toBe(0)
}, 60_000)

test('a server that nobody is connected to any more, on whatever path, does not wait out its time', async () => {
  const server = await startOwnServer({ DRAIN_SECONDS: '3600', WS_PATH: '/live' })
  const shop = await openShop(server)
  expect((await askUpgrade(server.base)).status).toBe(404)
  const socket = await TestSocket.open({ url: shop.ws.replace(/ws$/, 'live'), token: shop.token })
  await socket.authenticate({ userId: shop.id })
  const ended = server.end('SIGTERM')
  await socket.next('goaway')
  socket.close(1000)
  expect(await ended).toBe(0)
}, 60_000)
