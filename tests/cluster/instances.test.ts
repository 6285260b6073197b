import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres, type ThrowawayPostgres } from '~/scripts/postgres'
import { type Engine, startRedis } from '../chaos/engines'
import { ApiClient } from '../support/api'
import { instanceAt, portOf, type ServerProcess, spawnServer } from '../support/process'
import { RawClient } from '../support/raw-client'

/** What holds over all instances, whichever a client meets: told through either relay, and after one of them was killed. */

const socketsPerUser = 50

type Person = { id: string; email: string; token: string; api(instance: number): ApiClient }
type Shop = { owner: Person; storeId: string; path: string }

describe.each(['redis', 'postgres'] as const)('two instances that hear of each other through %s', (relay) => {
  let database: ThrowawayPostgres
  let redis: Engine | undefined
  let servers: ServerProcess[]
  let directory: string
  const start = () => spawnServer(directory, { DATABASE_URL: database.url, ...(redis && { REDIS_URL: `redis://127.0.0.1:${redis.port}` }) })

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'zipzap-cluster-'))
    database = await startPostgres()
    if (relay === 'redis') redis = await startRedis()
    servers = await Promise.all([start(), start()])
  }, 60_000)

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.end('SIGKILL')))
    await redis?.end('SIGKILL')
    await database.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const serverAt = (index: number) => instanceAt(servers, index)

  async function register(firstName: string): Promise<Person> {
    const email = `${firstName.toLowerCase()}-${crypto.randomUUID()}@zipzap.test`
    const { data } = await serverAt(0).api.post('/auth/register', { email, password: 'correct horse battery', firstName })
    return { id: data.user.id, email, token: data.token, api: (instance) => new ApiClient(serverAt(instance).api.server, data.token) }
  }

  async function openShop(): Promise<Shop> {
    const owner = await register('Olga')
    const storeId: string = (await owner.api(0).post('/stores', { name: 'Corner' })).data.id
    return { owner, storeId, path: `/stores/${storeId}` }
  }

  async function hire({ owner, path }: Shop): Promise<Person> {
    const person = await register('Sam')
    expect((await owner.api(0).post(`${path}/members`, { email: person.email, role: 'staff' })).status).toBe(201)
    return person
  }

  async function follow(instance: number, person: Person, shop: Shop, more: object = {}): Promise<RawClient> {
    const client = await RawClient.open(portOf(serverAt(instance)), person.token)
    await client.authenticate({ userId: person.id, storeId: shop.storeId, ...more })
    return client
  }

  /** The news of a socket is on its way to the other instance: asks until it is there; the test's own timeout bounds it. */
  async function untilPresent(instance: number, { owner, path }: Shop, person: Person, sessions: number | undefined): Promise<void> {
    const present = async (): Promise<number | undefined> => {
      const { data } = await owner.api(instance).get(`${path}/presence`)
      return data.find(({ userId }: { userId: string }) => userId === person.id)?.sessions
    }
    while ((await present()) !== sessions) await Bun.sleep(20)
  }

  test('who comes at one is told and listed at the other, with all of his sockets', async () => {
    const shop = await openShop()
    const staff = await hire(shop)
    const watcher = await follow(0, shop.owner, shop)
    const sockets = [await follow(1, staff, shop), await follow(0, staff, shop)]
    const joined = await watcher.next(({ type, data }) => type === 'user_joined' && data.userId === staff.id)
    expect(joined).toMatchObject({ data: { name: 'Sam', onlineUsers: 2 }, storeId: shop.storeId })
    for (const instance of [0, 1]) await untilPresent(instance, shop, staff, 2)
    for (const socket of sockets) socket.socket.cut()
    const left = await watcher.next(({ type, data }) => type === 'user_left' && data.userId === staff.id)
    expect(left.data.onlineUsers).toBe(1)
    expect(watcher.frames.filter(({ type }) => type === 'user_joined')).toHaveLength(1)
    watcher.socket.cut()
  })

  test('an action reaches the sockets of the other, in the name of its sender', async () => {
    const shop = await openShop()
    const [near, far] = [await follow(0, shop.owner, shop), await follow(1, shop.owner, shop)]
    expect((await near.ask({ type: 'custom_action', data: { action: 'ring' } })).type).toBe('ack')
    expect(await far.next(({ type }) => type === 'custom_action')).toMatchObject({ data: { action: 'ring' }, userId: shop.owner.id })
    for (const socket of [near, far]) socket.socket.cut()
  })

  test('fifty sockets of a user are all he gets, however they are spread', async () => {
    const shop = await openShop()
    const sockets = await Promise.all(Array.from({ length: socketsPerUser }, (_, index) => follow(index % 2, shop.owner, shop)))
    for (const instance of [0, 1]) {
      await untilPresent(instance, shop, shop.owner, socketsPerUser)
      const refusal = await RawClient.open(portOf(serverAt(instance)), shop.owner.token).catch((error: Error) => error.message)
      expect(refusal).toContain('429')
    }
    for (const socket of sockets) socket.socket.cut()
  })

  test('a ticket of one opens one socket at the other, once', async () => {
    const shop = await openShop()
    const { ticket } = (await shop.owner.api(0).post('/websocket/tickets')).data
    const sockets = await Promise.all([1, 0, 1, 0].map((instance) => RawClient.open(portOf(serverAt(instance)))))
    const ask = (socket: RawClient) => socket.ask({ type: 'authenticate', data: { userId: shop.owner.id, ticket } })
    const answers = await Promise.all(sockets.map(ask))
    expect(answers.map(({ type, data }) => data.code ?? type).sort()).toEqual([
      'general_notification',
      'unauthorized',
      'unauthorized',
      'unauthorized',
    ])
    for (const socket of sockets) socket.socket.cut()
  })

  test('a session ended at one closes its sockets at the other', async () => {
    const shop = await openShop()
    const far = await follow(1, shop.owner, shop)
    await shop.owner.api(0).post('/auth/logout')
    expect(await far.closed).toBe(4401)
    expect((await shop.owner.api(1).get('/users/profile')).status).toBe(401)
  })

  test('who is removed at one is told so at the other, and nothing that comes after it', async () => {
    const shop = await openShop()
    const staff = await hire(shop)
    const [far, owner] = [await follow(1, staff, shop), await follow(1, shop.owner, shop)]
    await shop.owner.api(0).delete(`${shop.path}/members/${staff.id}`)
    await shop.owner.api(0).post(`${shop.path}/notifications`, { message: 'among us', level: 'info' })
    await owner.next(({ type, data }) => type === 'general_notification' && data.message === 'among us')
    expect((await far.next(({ type }) => type === 'unsubscribed')).data.reason).toBe('revoked')
    await far.ask({ type: 'ping' })
    expect(far.frames.filter(({ data }) => data?.message === 'among us')).toEqual([])
    expect((await staff.api(1).get(shop.path)).status).toBe(404)
    for (const socket of [far, owner]) socket.socket.cut()
  })

  test('after one was killed its people have left, and their devices go on at the other where they were', async () => {
    const shop = await openShop()
    const staff = await hire(shop)
    const stream = `store:${shop.storeId}`
    const watcher = await follow(0, shop.owner, shop)
    const device = await follow(1, staff, shop, { deviceId: 'tablet' })
    const say = (message: string) => shop.owner.api(0).post(`${shop.path}/notifications`, { message, level: 'info' })
    const heard = (client: RawClient, message: string) => client.next(({ data, seq }) => data?.message === message && seq !== undefined)
    await say('first')
    const { epoch, seq } = await heard(device, 'first')
    expect((await device.ask({ type: 'ack', data: { stream, epoch, seq } })).type).toBe('ack')
    await say('second')
    await heard(device, 'second')

    await serverAt(1).end('SIGKILL')
    await say('third')
    await watcher.next(({ type, data }) => type === 'user_left' && data.userId === staff.id)
    await untilPresent(0, shop, staff, undefined)
    const again = await follow(0, staff, shop, { deviceId: 'tablet' })
    expect(again.events(stream).map(({ data }) => data.message)).toEqual(['second', 'third'])

    servers[1] = await start()
    const resumed = await follow(1, staff, shop, { resume: { [stream]: { epoch, seq } } })
    expect(resumed.events(stream).map(({ data }) => data.message)).toEqual(['second', 'third'])
    for (const socket of [watcher, again, resumed]) socket.socket.cut()
  })
})
