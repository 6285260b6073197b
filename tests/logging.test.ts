import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { describeError } from '~/utils/log-error'
import { ApiClient } from './support/api'
import { type ServerProcess, spawnServer } from './support/process'
import { testServer } from './support/server'
import { TestSocket } from './support/socket'

// biome-ignore lint/suspicious/noExplicitAny: whatever a line holds; a wrong shape fails the assertion
type Line = any

const email = 'nadia.secret@zipzap.test'
const password = 'hunter2 hunter2 hunter2'
const personal = {
  firstName: 'Clandestina',
  lastName: 'Verborgen',
  phone: '+49 171 5550199',
  email: 'clan@verborgen.test',
  note: 'allergic to truth',
}

/** Sends secrets through every door that takes one, rightly and wrongly, and answers what must appear in no line. */
async function sendSecrets(server: ServerProcess, requestId: string): Promise<string[]> {
  const headers = { 'X-Request-Id': requestId }
  const registered = await server.api.post('/auth/register', { email, password, firstName: 'Nadia' }, { headers })
  expect(registered.status).toBe(201)
  const { token, user } = registered.data
  const api = new ApiClient(server.api.server, token)
  const cookie = registered.headers.get('set-cookie')?.match(/=([^;]+)/)?.[1] ?? ''
  await server.api.post('/auth/login', { email, password: 'wrong horse battery' })
  await server.api.post('/auth/login', { email, password })
  await server.api.get(`/auth/session?token=${token}`)
  await server.api.get('/auth/session', { headers: { Cookie: `__Host-zipzap_session=${cookie}` } })
  await server.api.post('/auth/password-reset', { email })
  await server.api.post('/auth/password-reset/confirm', { token: 'reset-secret', newPassword: password })
  await server.api.request('POST', '/auth/login', { rawBody: `{"email":"${email}","password":"${password}"` })
  const { id: storeId } = (await api.post('/stores', { name: 'Quiet' })).data
  const customer = await api.post(`/stores/${storeId}/customers`, personal)
  await api.patch(`/stores/${storeId}/customers/${customer.data.id}`, { phone: 17, note: personal.note, surprise: personal.email })
  const { ticket } = (await api.post('/websocket/tickets', {})).data

  const socket = await TestSocket.open({ url: `${server.base.replace('http', 'ws')}/ws`, token })
  await socket.authenticate({ userId: user.id, storeId, ticket })
  socket.sendText(`{"type":"authenticate","data":{"token":"${token}"`)
  socket.sendText(JSON.stringify({ type: 'authenticate', data: { userId: 5, token } }))
  socket.send({ type: 'custom_action', data: { action: 'whisper', note: personal.note } })
  await socket.settled()
  socket.close()
  return [email, password, token, cookie, ticket, 'reset-secret', ...Object.values(personal)]
}

describe('what a server prints', () => {
  let cwd = ''
  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'zipzap-logging-'))
  })
  afterAll(() => rmSync(cwd, { recursive: true, force: true }))

  test('in production is one JSON object a line, with the request id, and without a secret even at trace', async () => {
    const server = await spawnServer(cwd, { LOG_LEVEL: 'trace' })
    const secrets = await sendSecrets(server, 'log-test-1')
    expect(await server.end('SIGTERM')).toBe(0)
    const lines: Line[] = server
      .output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const requests = lines.filter((line) => line.msg === 'request')
    expect(requests.length).toBeGreaterThan(10)
    for (const line of requests) {
      expect(line.requestId).toBeString()
      expect(line.status).toBeInteger()
    }
    expect(requests.find((line) => line.requestId === 'log-test-1')).toMatchObject({ method: 'POST', route: '/api/v1/auth/register', status: 201 })
    for (const secret of secrets) expect(server.output().includes(secret) ? secret : 'absent').toBe('absent')
  }, 40_000)

  test('in development is readable, and at info says little', async () => {
    const server = await spawnServer(cwd, { NODE_ENV: 'development' })
    await server.api.get('/health/live')
    expect(await server.end('SIGTERM')).toBe(0)
    expect(server.output()).toContain('INFO: ZipZap is listening')
    expect(server.output()).not.toContain('/health/live')
  }, 40_000)
})

describe('an error in the log', () => {
  test('of the database names statement, code and constraint, and none of the values', async () => {
    await testServer()
    const secret = 'clandestine@zipzap.test'
    const statements = [
      sql`select ${secret}::int`,
      sql`insert into users (id, email, password_hash, first_name) select gen_random_uuid(), ${secret}, ${secret}, ${secret} from generate_series(1, 2)`,
      sql`insert into users (id, email, first_name) values (gen_random_uuid(), ${secret}, ${secret})`,
    ]
    const described = []
    for (const statement of statements) described.push(describeError(await db.execute(statement).then(String, (error: unknown) => error)))
    expect(JSON.stringify(described)).not.toContain(secret)
    expect(described.map((error) => error.cause?.code)).toEqual(['22P02', '23505', '23514'])
    expect(described[1]?.cause?.constraint).toBe('users_email_unique')
    expect(described[0]?.message).toBe('Failed query: select $1::int')
    expect(described[0]?.cause?.message).toContain('invalid input syntax for type integer')
  })

  test('keeps the calls and the causes of any other', () => {
    const described = describeError(new TypeError('outer', { cause: new RangeError('inner') }))
    expect(described).toMatchObject({ type: 'TypeError', message: 'outer', cause: { type: 'RangeError', message: 'inner' } })
    expect(described.frames[0]).toStartWith('at ')
  })

  test('that is no Error keeps its content to itself', () => {
    expect(describeError('a secret string')).toEqual({ type: 'string', message: 'not an Error was thrown', frames: [] })
  })
})
