import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { describeError } from '~/utils/log-error'
import { createLogger } from '~/utils/logger'
import { ApiClient } from './support/api'
import { type ServerProcess, spawnServer } from './support/process'
import { keysToldIn } from './support/sealed'
import { testServer } from './support/server'
import { startMailSink } from './support/smtp'
import { TestSocket } from './support/socket'

// biome-ignore lint/suspicious/noExplicitAny: whatever a line holds; a wrong shape fails the assertion
type Line = any

const email = 'nadia.secret@zipzap.test'
const password = 'hunter2 hunter2 hunter2'
const newEmail = 'nadia.moved@zipzap.test'
const newPassword = 'hunter3 hunter3 hunter3'
const profilePhone = '+49 30 5550111'
const deliveryAddress = 'Geheimgasse 7, 10115 Berlin'
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
  await api.patch('/users/email', { email: newEmail, currentPassword: 'wrong horse battery' })
  await api.patch('/users/email', { email: newEmail, currentPassword: password })
  await api.patch('/users/password', { currentPassword: password, newPassword })
  await api.patch('/users/profile', { phone: profilePhone, lastName: 5 })
  await api.patch('/users/profile', { phone: profilePhone })
  await server.api.post('/auth/password-reset/confirm', { token: 'reset-secret', newPassword: password })
  await server.api.request('POST', '/auth/login', { rawBody: `{"email":"${email}","password":"${password}"` })
  const { id: storeId } = (await api.post('/stores', { name: 'Quiet' })).data
  const customer = await api.post(`/stores/${storeId}/customers`, personal)
  await api.patch(`/stores/${storeId}/customers/${customer.data.id}`, { phone: 17, note: personal.note, surprise: personal.email })
  const product = (await api.post(`/stores/${storeId}/products`, { name: 'Soup', price: 700 })).data
  const order = (
    await api.post(`/stores/${storeId}/orders`, {
      type: 'delivery',
      items: [{ productId: product.id, quantity: 1 }],
      customer: { firstName: personal.firstName, lastName: personal.lastName, phone: personal.phone },
      deliveryAddress,
    })
  ).data
  await api.get(`/stores/${storeId}/customers?q=${encodeURIComponent(personal.email)}`)
  await api.get(`/stores/${storeId}/customers/${customer.data.id}/export`)
  await server.api.get(`/track/${order.trackingToken}`)
  const device = (await api.post(`/stores/${storeId}/devices`, { name: 'Till', role: 'staff' }, { headers: { 'Idempotency-Key': 'till' } })).data
  const { ticket } = (await api.post('/websocket/tickets', {})).data

  const socket = await TestSocket.open({ url: `${server.base.replace('http', 'ws')}/ws`, token })
  await socket.authenticate({ userId: user.id, storeId, ticket })
  socket.sendText(`{"type":"authenticate","data":{"token":"${token}"`)
  socket.sendText(JSON.stringify({ type: 'authenticate', data: { userId: 5, token } }))
  socket.send({ type: 'custom_action', data: { action: 'whisper', note: personal.note } })
  socket.send({ type: 'subscribe', data: { trackingToken: order.trackingToken } })
  await socket.settled()
  await api.delete(`/stores/${storeId}/customers/${customer.data.id}`)
  await socket.settled()
  const keys = keysToldIn(socket.frames).map((key) => key.k)
  expect(keys.length).toBeGreaterThan(0)
  socket.close()
  const credentials = [password, newPassword, token, cookie, ticket, device.token, order.trackingToken, 'reset-secret', ...keys]
  return [email, newEmail, profilePhone, deliveryAddress, ...credentials, ...Object.values(personal)]
}

/** Asks for a new password for somebody and for nobody; answers the links that the server printed by its end. */
async function askForPassword(server: ServerProcess): Promise<string[]> {
  await server.api.post('/auth/register', { email: 'forgetful@zipzap.test', password, firstName: 'Nadia' })
  for (const address of ['nobody@zipzap.test', 'forgetful@zipzap.test']) {
    expect((await server.api.post('/auth/password-reset', { email: address })).status).toBe(200)
  }
  expect(await server.end('SIGTERM')).toBe(0)
  expect(server.output()).not.toContain('forgetful@zipzap.test')
  return server.output().match(/http:\/\/localhost:\d+\/console\/reset-password#token=[\w-]{43}\b/g) ?? []
}

describe('what a server prints', () => {
  let cwd = ''
  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'zipzap-logging-'))
  })
  afterAll(() => rmSync(cwd, { recursive: true, force: true }))

  test('in production is one JSON object a line, with the request id, and without a secret even at trace', async () => {
    // A mail server that refuses quotes the address in its answer.
    const sink = await startMailSink()
    sink.refuse()
    const settings = { SMTP_URL: sink.url.replace('//', '//postbox:letterbox-secret@'), WS_ENCRYPTION_KEY: randomBytes(32).toString('base64') }
    const server = await spawnServer(cwd, { LOG_LEVEL: 'trace', METRICS_TOKEN: 'metrics-secret', ...settings })
    const secrets = [...(await sendSecrets(server, 'log-test-1')), ...Object.values(settings), 'letterbox-secret', 'metrics-secret']
    expect(await server.end('SIGTERM')).toBe(0)
    await sink.close()
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
    expect(lines.find((line) => line.msg === 'a password was wrong')).toMatchObject({ address: '127.0.0.1' })
    expect(lines.some((line) => line.msg === 'a mail could not be sent' && line.code === 'EENVELOPE')).toBe(true)
    for (const secret of secrets) expect(server.output().includes(secret) ? secret : 'absent').toBe('absent')
  }, 90_000)

  test('in development is readable, says little at info, and tells the link to a new password', async () => {
    const server = await spawnServer(cwd, { NODE_ENV: 'development', LOG_LEVEL: 'info' })
    await server.api.get('/health/live')
    expect(await askForPassword(server)).toHaveLength(1)
    expect(server.output()).toContain('INFO: ZipZap is listening')
    expect(server.output()).not.toContain('/health/live')
  }, 40_000)

  test('in production tells no link, even without a mail server', async () => {
    const server = await spawnServer(cwd, { LOG_LEVEL: 'trace', DATA_DIR: 'memory://' })
    expect(await askForPassword(server)).toEqual([])
    expect(server.output()).toContain('SMTP_URL is not set')
  }, 40_000)

  test('hides what a field of a secret name holds, however deep, and leaves the caller its object', () => {
    const lines: string[] = []
    const logger = createLogger({ isProduction: true, logLevel: 'info' }, { write: (line) => void lines.push(line) })
    const told = { token: 'hunter2', a: { b: { c: [{ phone: '+49 30', size: 2 }] } }, at: new Date(0), none: null }
    logger.info(told, 'told')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      token: '[redacted]',
      a: { b: { c: [{ phone: '[redacted]', size: 2 }] } },
      at: '1970-01-01T00:00:00.000Z',
      none: null,
    })
    expect(told.token).toBe('hunter2')
  })

  test('tells of an error only what is harmless, wherever it is, and of an object that holds itself so much', () => {
    const lines: string[] = []
    const logger = createLogger({ isProduction: true, logLevel: 'info' }, { write: (line) => void lines.push(line) })
    const failure = Object.assign(new Error('failed'), { parameters: ['hunter2'], email: 'hunter2' })
    const itself: Line = { size: 1 }
    itself.itself = [itself]
    logger.info({ err: failure, result: failure, results: [{ err: failure }], itself }, 'told')
    logger.error(failure)
    expect(lines.join()).not.toContain('hunter2')
    const [told, failed] = lines.map((line): Line => JSON.parse(line))
    for (const error of [told.err, told.result, told.results[0].err, failed.err]) expect(error).toMatchObject({ type: 'Error', message: 'failed' })
    expect(told).toMatchObject({ itself: { size: 1, itself: [{ size: 1 }] } })
  })

  test('holds up nothing while nobody reads it, and waits for a reader within bounds', async () => {
    const path = join(cwd, 'pipe')
    Bun.spawnSync(['mkfifo', path])
    const pipe = openSync(path, 'r+')
    const lines = 4_000
    const talk = `
      import { createLogger } from '${join(import.meta.dir, '../utils/logger')}'
      const logger = createLogger({ isProduction: true, logLevel: 'info' })
      for (let line = 1; line <= ${lines}; line++) logger.info({ line }, '-'.repeat(1000))
      await Bun.write(Bun.stderr, 'all said')
    `
    const talker = Bun.spawn([process.execPath, '-e', talk], { stdin: 'ignore', stdout: pipe, stderr: 'pipe' })
    const { value: said } = await talker.stderr.getReader().read()
    expect(new TextDecoder().decode(said)).toBe('all said')
    const reader = openSync(path, 'r')
    closeSync(pipe)
    const heard = (await new Response(Bun.spawn(['cat'], { stdin: reader }).stdout).text()).trim().split('\n')
    closeSync(reader)
    expect(heard.map((line) => JSON.parse(line).line)).toEqual(heard.map((_, index) => index + 1))
    expect(heard.length).toBeGreaterThan(800)
    expect(heard.length).toBeLessThan(lines)
    expect(await talker.exited).toBe(0)
  }, 20_000)
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
