import { describe, expect, test } from 'bun:test'
import { testServer } from './support/server'
import { TestSocket } from './support/socket'
import { askUpgrade } from './support/upgrade'
import { createWorld, registerUser } from './support/world'

const deadToken = 'x'.repeat(43)
const get = 'GET /ws HTTP/1.1'

test('the first frame greets the socket and names its session', async () => {
  const socket = await TestSocket.open()
  const greeting = await socket.next('general_notification')
  expect(greeting).toEqual({
    type: 'general_notification',
    data: { message: 'Connected to ZipZap', sessionId: expect.any(String), authenticated: false, heartbeatIntervalMs: 30_000 },
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  })
  const other = await TestSocket.open()
  expect((await other.next('general_notification')).data.sessionId).not.toBe(greeting.data.sessionId)
})

test('a page that connects with its session, authenticates and changes the profile by REST hears of the change', async () => {
  const alice = await registerUser('Alice')
  const { id: storeId } = (await alice.api.post('/stores', { name: 'Corner' })).data
  const socket = await TestSocket.open({ token: alice.token })
  socket.sendText(JSON.stringify({ type: 'authenticate', data: { userId: alice.id, storeId } }))
  const answer = await socket.next(({ data }) => data.message === 'Authentication successful')
  expect(answer.type).toBe('general_notification')
  expect(answer.data).toMatchObject({ userId: alice.id, storeId, role: 'owner', userSessions: 1, storeSessions: 1 })

  const changed = await alice.api.patch('/users/profile', { firstName: 'Alicia' })
  expect(changed.status).toBe(200)
  const event = await socket.next('profile_updated')
  expect(event.data).toEqual({ action: 'profile_updated', profile: changed.data, updatedFields: { firstName: true } })
  expect(event.data.profile.firstName).toBe('Alicia')
  expect(event).toMatchObject({ userId: alice.id, stream: `user:${alice.id}`, seq: expect.any(Number), epoch: expect.any(String) })
  expect(event.sessionId).toBeUndefined()
})

describe('an upgrade is refused in the envelope', () => {
  const unusual = { 'X-Request-Id': 'till-7' }
  test.each<[string, number, string, Record<string, string | string[] | null>, string]>([
    ['a dead bearer token', 401, 'unauthorized', { Authorization: `Bearer ${deadToken}` }, get],
    ['another scheme than bearer', 401, 'unauthorized', { Authorization: 'Basic dXNlcjpwYXNz' }, get],
    ['an empty Authorization', 401, 'unauthorized', { Authorization: '' }, get],
    ['a dead bearer beside a cookie', 401, 'unauthorized', { Authorization: `Bearer ${deadToken}`, Cookie: 'zipzap_session=y', Origin: 'own' }, get],
    ['a foreign Origin', 403, 'forbidden', { Origin: 'https://evil.example' }, get],
    ['an Origin whose name begins like ours', 403, 'forbidden', { Origin: 'http://127.0.0.1.evil.example' }, get],
    ['the Origin of a sandbox', 403, 'forbidden', { Origin: 'null' }, get],
    ['a cookie without an Origin', 403, 'forbidden', { Cookie: `zipzap_session=${deadToken}` }, get],
    ['only unknown subprotocols', 400, 'bad_request', { 'Sec-WebSocket-Protocol': 'graphql-ws, mqtt' }, get],
    ['no Connection: Upgrade', 400, 'bad_request', { Connection: null }, get],
    ['two Hosts', 400, 'bad_request', { Host: ['127.0.0.1', 'evil.example'] }, get],
    ['no key', 400, 'bad_request', { 'Sec-WebSocket-Key': null }, get],
    ['a key that is none', 400, 'bad_request', { 'Sec-WebSocket-Key': 'short' }, get],
    ['no Upgrade', 426, 'bad_request', { Upgrade: null }, get],
    ['another protocol', 426, 'bad_request', { Upgrade: 'h2c' }, get],
    ['version 8 of the protocol', 426, 'bad_request', { 'Sec-WebSocket-Version': '8' }, get],
    ['no version', 426, 'bad_request', { 'Sec-WebSocket-Version': null }, get],
    ['POST', 405, 'method_not_allowed', { 'Content-Length': '0' }, 'POST /ws HTTP/1.1'],
    ['TRACE', 405, 'method_not_allowed', {}, 'TRACE /ws HTTP/1.1'],
    ['a token in the URL', 400, 'credential_in_url', {}, 'GET /ws?token=abc HTTP/1.1'],
    ['a ticket in the URL', 400, 'credential_in_url', {}, 'GET /ws?x=1&ticket=abc HTTP/1.1'],
    ['an access token in the URL, before all else', 400, 'credential_in_url', { Upgrade: null }, 'POST /ws?access_token=abc HTTP/1.1'],
  ])('%s: %d %s', async (_what, status, code, headers, requestLine) => {
    const { base } = await testServer()
    const over = headers.Origin === 'own' ? { ...headers, Origin: base } : headers
    const answer = await askUpgrade(base, { ...unusual, ...over }, requestLine)
    expect([answer.status, answer.body.error?.code]).toEqual([status, code])
    expect(answer.body).toEqual({ success: false, data: null, message: expect.any(String), error: { code, requestId: 'till-7' } })
    expect(answer.headers).toMatchObject({ 'x-request-id': 'till-7', 'cache-control': 'no-store' })
    if (status === 401) expect(answer.headers['www-authenticate']).toBe('Bearer')
    if (status === 405) expect(answer.headers.allow).toBe('GET')
  })

  test('each version of the protocol but 13 is answered with the one that is spoken', async () => {
    const { headers } = await askUpgrade((await testServer()).base, { 'Sec-WebSocket-Version': '7' })
    expect(headers['sec-websocket-version']).toBe('13')
  })

  test('nothing that was refused counts as a socket', async () => {
    const server = await testServer()
    const { api } = await registerUser('Count')
    const before = (await api.get('/websocket/stats')).data.totalConnections
    for (const over of [{ 'Sec-WebSocket-Version': '8' }, { 'Sec-WebSocket-Key': 'short' }, { Authorization: 'Bearer x' }])
      await askUpgrade(server.base, over)
    expect((await api.get('/websocket/stats')).data.totalConnections).toBeLessThanOrEqual(before)
  })
})

describe('the subprotocol', () => {
  test.each([['zipzap.v1'], ['soap, zipzap.v1'], [['soap', 'zipzap.v1']]])('zipzap.v1 is chosen from %p', async (offered) => {
    const answer = await askUpgrade((await testServer()).base, { 'Sec-WebSocket-Protocol': offered })
    expect([answer.status, answer.headers['sec-websocket-protocol']]).toEqual([101, 'zipzap.v1'])
  })

  test('is left open when none is offered, and no compression is agreed on', async () => {
    const answer = await askUpgrade((await testServer()).base, { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' })
    expect([answer.status, answer.headers['sec-websocket-protocol'], answer.headers['sec-websocket-extensions']]).toEqual([101, undefined, undefined])
  })
})

describe('the cookie', () => {
  const withCookie = async (token: string) => ({ headers: { Cookie: `theme=dark; zipzap_session=${token}`, Origin: (await testServer()).base } })

  test('of a live session is enough to authenticate', async () => {
    const { staff, storeId } = await createWorld()
    const socket = await TestSocket.open(await withCookie(staff.token))
    expect(await socket.authenticate({ userId: staff.id, storeId })).toMatchObject({ userId: staff.id, role: 'staff' })
  })

  test('of a dead session opens an anonymous socket', async () => {
    const { staff, storeId } = await createWorld()
    const socket = await TestSocket.open(await withCookie(deadToken))
    socket.send({ type: 'authenticate', id: 'a', data: { userId: staff.id, storeId } })
    expect((await socket.next('error')).data).toMatchObject({ code: 'unauthorized', replyTo: 'a' })
    expect(await socket.authenticate({ userId: staff.id, storeId, token: staff.token })).toMatchObject({ role: 'staff' })
  })
})
