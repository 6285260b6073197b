import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { startPostgres, type ThrowawayPostgres } from '~/scripts/postgres'
import { type Engine, startRedis } from '../chaos/engines'
import { ApiClient } from '../support/api'
import { instanceAt, portOf, type ServerProcess, spawnServer } from '../support/process'
import { RawClient } from '../support/raw-client'
import { type KnownKey, openFrame } from '../support/sealed'

/** Personal data on its way through two instances: neither the log, nor the relay, nor any line of a log holds it. */

type Person = { id: string; token: string; email: string; api: ApiClient }

const customer = { firstName: 'Ada', phone: '+49 171 5550123', email: 'ada.verborgen@zipzap.test', note: 'rings twice' }
const profilePhone = '+49 30 5550987'

let database: ThrowawayPostgres
let redis: Engine
let servers: ServerProcess[]
let sql: Sql
let directory: string
/** Everything that went through Redis. */
let monitored = ''
let monitor: Socket

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'zipzap-fort-'))
  database = await startPostgres()
  redis = await startRedis()
  monitor = connect(redis.port, '127.0.0.1')
  monitor.on('data', (chunk) => {
    monitored += chunk.toString()
  })
  monitor.write('MONITOR\r\n')
  const environment = {
    DATABASE_URL: database.url,
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    WS_ENCRYPTION_KEY: Buffer.alloc(32, 9).toString('base64'),
    LOG_LEVEL: 'trace',
  }
  servers = await Promise.all([spawnServer(directory, environment), spawnServer(directory, environment)])
  sql = postgres(database.url, { max: 1, onnotice: () => {} })
}, 60_000)

afterAll(async () => {
  monitor.destroy()
  await sql.end()
  await Promise.all(servers.map((server) => server.end('SIGKILL')))
  await redis.end('SIGKILL')
  await database.stop()
  rmSync(directory, { recursive: true, force: true })
})

const serverAt = (index: number) => instanceAt(servers, index)

async function register(name: string): Promise<Person> {
  const email = `${name}-${crypto.randomUUID()}@zipzap.test`
  const { api } = serverAt(0)
  const { data } = await api.post('/auth/register', { email, password: 'correct horse battery', firstName: name })
  return { id: data.user.id, token: data.token, email, api: new ApiClient(api.server, data.token) }
}

async function follow(instance: number, person: Person, storeId: string): Promise<RawClient> {
  const client = await RawClient.open(portOf(serverAt(instance)), person.token)
  await client.authenticate({ userId: person.id, storeId })
  return client
}

test('a phone number and an e-mail address reach a socket of the other instance, and stand nowhere on the way', async () => {
  const owner = await register('olga')
  const storeId: string = (await owner.api.post('/stores', { name: 'Corner' })).data.id
  const far = await follow(1, owner, storeId)
  const made = await owner.api.post(`/stores/${storeId}/customers`, customer)
  await owner.api.patch(`/stores/${storeId}/customers/${made.data.id}`, { note: 'rings once' })
  await owner.api.patch('/users/profile', { phone: profilePhone })
  const updated = await far.next((frame) => frame.type === 'customer_updated')
  const keys: KnownKey[] = far.frames.flatMap((frame) => frame.data?.keys ?? [])
  expect((await openFrame(updated, keys)).customer).toMatchObject({ phone: customer.phone, email: customer.email })
  const profile = await far.next((frame) => frame.type === 'profile_updated')
  expect((await openFrame(profile, keys)).profile.phone).toBe(profilePhone)

  const dump = JSON.stringify(await sql`select e.*, e::text as whole from events e`)
  expect(dump).toContain(made.data.id)
  expect(monitored).toContain('zipzap:relay')
  const lines = servers.map((server) => server.output()).join('\n')
  expect(lines).toContain('/api/v1/stores/:storeId/customers')
  const secrets = [customer.phone, customer.email, profilePhone, owner.email]
  for (const [where, text] of Object.entries({ log: dump, relay: monitored, lines })) {
    for (const secret of secrets) expect([where, text.includes(secret) ? secret : 'absent']).toEqual([where, 'absent'])
  }
  far.socket.cut()
})

test('while members leave and every leaving makes a new key, each sealed frame opens with a key that came before it', async () => {
  const owner = await register('omar')
  const people = await Promise.all([register('ann'), register('bob')])
  const storeId: string = (await owner.api.post('/stores', { name: 'Corner' })).data.id
  const path = `/stores/${storeId}`
  const { data } = await owner.api.post(`${path}/customers`, { firstName: 'Ada' })
  const listeners = [await follow(0, owner, storeId), await follow(1, owner, storeId)]
  const rounds = 15
  const rotate = async () => {
    for (let round = 0; round < rounds; round++) {
      const person = people[round % people.length]
      if (!person) continue
      await owner.api.post(`${path}/members`, { email: person.email, role: 'staff' })
      await owner.api.delete(`${path}/members/${person.id}`)
    }
  }
  let writes = 0
  let isRotating = true
  const write = async (server: ServerProcess) => {
    const api = new ApiClient(server.api.server, owner.token)
    while (isRotating) {
      await api.patch(`${path}/customers/${data.id}`, { note: `note ${++writes}` })
    }
  }
  await Promise.all([
    rotate().finally(() => {
      isRotating = false
    }),
    ...servers.map(write),
  ])
  await owner.api.post(`${path}/notifications`, { message: 'The end', level: 'info' })
  const kids = new Set<string>()
  for (const listener of listeners) {
    await listener.next((frame) => frame.data?.message === 'The end')
    const keys: KnownKey[] = []
    let opened = 0
    for (const frame of listener.frames) {
      keys.push(...(frame.data?.keys ?? []))
      if (!frame.enc) continue
      kids.add(frame.enc.kid)
      expect((await openFrame(frame, keys)).customerId).toBe(data.id)
      opened += 1
    }
    expect(opened).toBeGreaterThan(rounds)
    listener.socket.cut()
  }
  // The writes met many of the keys.
  expect(kids.size).toBeGreaterThan(rounds / 2)
}, 120_000)
