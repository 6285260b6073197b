import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { freePort, startPostgres, type ThrowawayPostgres } from '~/scripts/postgres'
import { ApiClient } from '../support/api'
import { RawClient } from '../support/raw-client'
import { buildImage, type Image } from './build'
import { execForm, readDockerfile } from './dockerfile'
import { Rooms, type Running } from './rooms'

/** The image of the Dockerfile, made step by step in a clean Debian, and started as deploy/ starts it. */

const tag = '$' + '{TAG}'

describe('the reader of the Dockerfile', () => {
  test('knows stages, arguments, continued lines and comments', () => {
    const text = `ARG TAG=1\n# a comment\nFROM bun:${tag} AS one\nRUN a && \\\n  b\nFROM bun:${tag}\nCMD ["x", "y"]\n`
    expect(readDockerfile(text, { TAG: '2' })).toEqual([
      { image: 'bun:2', name: 'one', instructions: [{ name: 'RUN', rest: 'a &&    b' }] },
      { image: 'bun:2', name: null, instructions: [{ name: 'CMD', rest: '["x", "y"]' }] },
    ])
    expect(execForm('["x", "y"]')).toEqual(['x', 'y'])
  })

  test('refuses what it does not understand', () => {
    expect(() => readDockerfile('run this')).toThrow('not an instruction')
    expect(() => readDockerfile(`FROM ${tag}`)).toThrow('TAG has no value')
    expect(() => execForm('bun server.ts')).toThrow()
  })
})

describe('the image', () => {
  let rooms: Rooms
  let image: Image
  let postgres: ThrowawayPostgres
  /** Of what did start. */
  const endings: (() => Promise<void>)[] = []
  beforeAll(async () => {
    postgres = await startPostgres()
    endings.push(() => postgres.stop())
    rooms = await Rooms.open()
    endings.push(() => rooms.close())
    image = await buildImage(rooms)
  }, 600_000)
  afterAll(async () => {
    for (const end of endings.toReversed()) await end()
  })

  const conditions = (settings: Record<string, string>, isSealed = true) => ({
    env: { ...image.env, HOME: '/home/bun', HOST: '127.0.0.1', ...settings },
    cwd: image.cwd,
    user: image.user,
    isSealed,
  })

  /** Resolves when it is ready, rejects when it ends before that. */
  async function start(settings: Record<string, string>, isSealed: boolean): Promise<{ running: Running; port: number }> {
    const port = await freePort()
    const running = rooms.start(image.room, image.command, conditions({ PORT: String(port), ...settings }, isSealed))
    while ((await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => null))?.status !== 200) {
      if (running.exitCode !== null) throw new Error(`it ended with ${running.exitCode}: ${await new Response(running.stdout).text()}`)
      await Bun.sleep(100)
    }
    return { running, port }
  }

  const isHealthy = (port: number) =>
    rooms.runIn(image.room, image.healthCheck, conditions({ PORT: String(port) })).then(
      () => true,
      () => false,
    )

  test('runs as somebody who is not root, and holds no tests, tools or history', async () => {
    expect((await rooms.runIn(image.room, ['id', '-u'], conditions({}))).trim()).toBe('1000')
    const held = (await rooms.runIn(image.room, ['ls', '-A', '/app'], conditions({}))).trim().split('\n')
    expect(held.filter((name) => ['tests', 'bench', '.git', '.env', 'docs'].includes(name))).toEqual([])
    const packages = (await rooms.runIn(image.room, ['ls', '/app/node_modules'], conditions({}))).split('\n')
    expect(packages.filter((name) => ['typescript', 'playwright-core', 'drizzle-kit'].includes(name))).toEqual([])
  })

  test('its root file system refuses to be written, even by root', async () => {
    const attempt = ['sh', '-c', 'for place in / /app /app/.data /tmp /home/bun /var/tmp; do touch $place/x 2>/dev/null && echo $place; done; true']
    expect(await rooms.runIn(image.room, attempt, { ...conditions({}), user: 'root' })).toBe('')
    // The same places can be written when it is not sealed: what refuses is the seal.
    expect(await rooms.runIn(image.room, attempt, { ...conditions({}, false), user: 'root' })).toContain('/app\n')
  })

  test('on a read-only root it serves accounts, stores, orders and sockets, and ends with 0', async () => {
    const { running, port } = await start({ DATABASE_URL: postgres.url, DRAIN_SECONDS: '1' }, true)
    const base = `http://127.0.0.1:${port}`
    const anonymous = new ApiClient({ base, api: `${base}/api/v1` })
    expect((await anonymous.get('/health')).data).toMatchObject({ status: 'ok', parts: { database: { status: 'ok' }, relay: { status: 'ok' } } })
    expect(await isHealthy(port)).toBe(true)
    for (const path of ['/openapi.json', '/asyncapi.json', '/docs', '/console']) expect((await fetch(base + path)).status).toBe(200)

    await placeAnOrder(anonymous, port)

    running.kill('SIGTERM')
    expect(await running.exited).toBe(0)
    expect(await isHealthy(port)).toBe(false)
  }, 60_000)

  test('without DATABASE_URL it keeps its data in the one directory that is its own', async () => {
    const { running, port } = await start({ DRAIN_SECONDS: '0' }, false)
    const base = `http://127.0.0.1:${port}`
    await placeAnOrder(new ApiClient({ base, api: `${base}/api/v1` }), port)
    running.kill('SIGTERM')
    expect(await running.exited).toBe(0)
    const written = await rooms.runIn(image.room, ['find', '/', '-xdev', '-user', 'bun', '-newer', '/app/server.ts', '-type', 'f'], {
      ...conditions({}),
      user: 'root',
    })
    expect(written.trim().split('\n')).not.toEqual([''])
    expect(written.split('\n').filter((path) => path !== '' && !path.startsWith('/app/.data/'))).toEqual([])
  }, 90_000)
})

/** A new owner sells something; a socket hears of it, and the order can be read. */
async function placeAnOrder(anonymous: ApiClient, port: number): Promise<void> {
  const account = { email: 'olga@zipzap.test', password: 'correct horse battery', firstName: 'Olga' }
  const registered = await anonymous.post('/auth/register', account)
  expect(registered.status).toBe(201)
  expect(registered.headers.get('set-cookie')).toMatch(/^__Host-zipzap_session=.*; HttpOnly; .*Secure/)
  const { user, token } = registered.data
  const owner = new ApiClient(anonymous.server, token)
  const { data: store } = await owner.post('/stores', { name: 'Corner' })
  const { data: product } = await owner.post(`/stores/${store.id}/products`, { name: 'Ramen', price: 1290 })
  const socket = await RawClient.open(port)
  expect(await socket.authenticate({ userId: user.id, token, storeId: store.id })).toMatchObject({ role: 'owner', userSessions: 1 })
  const placed = await owner.post(`/stores/${store.id}/orders`, { type: 'pickup', items: [{ productId: product.id, quantity: 2 }] })
  expect(placed).toMatchObject({ status: 201, data: { orderNumber: '1001', total: 2580, status: 'pending' } })
  const event = await socket.next(({ type }) => type === 'order_created')
  expect(event).toMatchObject({ stream: `store:${store.id}`, data: { orderId: placed.data.id } })
  expect((await owner.get(`/stores/${store.id}/orders/${placed.data.id}`)).data.orderNumber).toBe('1001')
  socket.socket.cut()
}
