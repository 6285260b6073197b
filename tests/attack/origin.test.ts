import { expect, test } from 'bun:test'
import { RawSocket } from '../support/raw-socket'
import { askUpgrade } from '../support/upgrade'
import { friendlyOrigin, house, must } from './house'

/** A page of somebody else in the browser of somebody who is signed in. */

const evil = [
  'https://evil.example',
  'null',
  'http://localhost:3000',
  'https://app.zipzap.test.evil.example',
  'https://evil-app.zipzap.test',
  'http://app.zipzap.test',
]

const own = async () => (await house()).base
const cookieOf = (token: string) => `__Host-zipzap_session=${token}`

/** A write with the owner's cookie, as a browser would send it from a page of this origin. */
async function writeFrom(origin: string | null, more: Record<string, string> = {}) {
  const { ours, nobody } = await house()
  const headers = { Cookie: cookieOf(ours.owner.token), ...(origin !== null && { Origin: origin }), ...more }
  return nobody.post(`${ours.path}/categories`, { name: 'From a page' }, { headers })
}

test('a page of another origin writes nothing with the cookie', async () => {
  for (const origin of evil) expect([origin, (await writeFrom(origin)).status]).toEqual([origin, 403])
})

test('without an Origin the cookie writes nothing', async () => {
  expect((await writeFrom(null)).status).toBe(403)
})

test('a forwarded Host that the client made up does not make its Origin ours', async () => {
  expect((await writeFrom('https://evil.example', { 'X-Forwarded-Host': 'evil.example' })).status).toBe(403)
})

test('a page of ours, and of an origin that was allowed, writes with the cookie', async () => {
  expect((await writeFrom(await own())).status).toBe(201)
  expect((await writeFrom(friendlyOrigin)).status).toBe(201)
})

test('a page of another origin ends no session and makes no ticket with the cookie', async () => {
  const { ours, nobody } = await house()
  const headers = { Cookie: cookieOf(ours.owner.token), Origin: 'https://evil.example' }
  expect((await nobody.post('/auth/logout', undefined, { headers })).status).toBe(403)
  expect((await nobody.post('/websocket/tickets', undefined, { headers })).status).toBe(403)
  expect((await ours.owner.api.get('/auth/session')).status).toBe(200)
})

test('a page of another origin reads no answer', async () => {
  const { ours, nobody } = await house()
  for (const Origin of evil) {
    const { headers } = await nobody.get('/auth/session', { headers: { Cookie: cookieOf(ours.owner.token), Origin } })
    expect([Origin, headers.get('access-control-allow-origin')]).toEqual([Origin, null])
  }
})

test('a preflight of another origin is told that nothing is allowed', async () => {
  const { base } = await house()
  const ask = (Origin: string) => fetch(`${base}/api/v1/stores`, { method: 'OPTIONS', headers: { Origin, 'Access-Control-Request-Method': 'POST' } })
  for (const origin of evil) expect((await ask(origin)).headers.get('access-control-allow-origin')).toBeNull()
  expect((await ask(friendlyOrigin)).headers.get('access-control-allow-origin')).toBe(friendlyOrigin)
})

test('an answer that differs by origin says so to caches', async () => {
  const { nobody } = await house()
  const { headers } = await nobody.get('/auth/session', { headers: { Origin: friendlyOrigin } })
  expect(headers.get('vary')?.toLowerCase()).toContain('origin')
})

test('no answer of the API is kept by a cache', async () => {
  const { ours, nobody } = await house()
  const answers = [
    await ours.owner.api.get(`${ours.path}/customers`),
    await nobody.get('/auth/session'),
    await nobody.get(`/track/${ours.trackingToken}`),
  ]
  expect(answers.map(({ headers }) => headers.get('cache-control'))).toEqual(['no-store', 'no-store', 'no-store'])
})

test('no page runs a script that is not ours, or stands in a frame', async () => {
  const { base, ours } = await house()
  for (const path of ['/console', '/docs', `/track/${ours.trackingToken}`]) {
    const policy = (await fetch(base + path)).headers.get('content-security-policy') ?? ''
    expect([path, policy.includes("script-src 'self';"), policy.includes('unsafe'), policy.includes("frame-ancestors 'none'")]).toEqual([
      path,
      true,
      false,
      true,
    ])
  }
})

test('an answer of the API is no page, whatever a browser makes of it', async () => {
  const { nobody } = await house()
  const { headers } = await nobody.get('/auth/session')
  expect(headers.get('content-type')).toStartWith('application/json')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(headers.get('x-frame-options')).toBe('DENY')
})

test('a browser is told to come back by TLS alone, and to tell nobody where it was', async () => {
  const { headers } = await (await house()).nobody.get('/auth/session')
  expect(headers.get('strict-transport-security')).toContain('max-age=31536000')
  expect(headers.get('referrer-policy')).toBe('no-referrer')
})

test('a name that is markup stays text in the pages', async () => {
  const { ours, base } = await house()
  must(await ours.manager.api.post(`${ours.path}/products`, { name: '<img src=x onerror=alert(1)>', price: 1 }))
  const page = await (await fetch(`${base}/console/stores/%3Cscript%3Ealert(1)%3C/script%3E`)).text()
  expect(page).not.toContain('alert(1)')
})

// The same, over /ws

const upgradeWith = async (headers: Record<string, string | null>) => askUpgrade(await own(), headers)

test('a page of another origin opens no socket', async () => {
  for (const Origin of evil) expect([Origin, (await upgradeWith({ Origin })).status]).toEqual([Origin, 403])
})

test('a page of another origin opens no socket with the cookie of somebody signed in', async () => {
  const { ours } = await house()
  for (const Origin of evil) expect([Origin, (await upgradeWith({ Origin, Cookie: cookieOf(ours.owner.token) })).status]).toEqual([Origin, 403])
})

test('the cookie alone, without an Origin, opens no socket', async () => {
  const { ours } = await house()
  expect((await upgradeWith({ Cookie: cookieOf(ours.owner.token) })).status).toBe(403)
})

test('a forwarded Host that the client made up opens no socket', async () => {
  expect((await upgradeWith({ Origin: 'https://evil.example', 'X-Forwarded-Host': 'evil.example' })).status).toBe(403)
})

test('a socket of our page says nothing before it has authenticated, cookie or not', async () => {
  const { ours, port, base } = await house()
  const texts: string[] = []
  const answered = Promise.withResolvers<void>()
  const onText = (text: string) => {
    texts.push(text)
    if (text.includes('"pong"')) answered.resolve()
  }
  const socket = await RawSocket.open(
    port,
    { onText, onClose: (code) => answered.reject(new Error(`closed with ${code}`)) },
    { Cookie: cookieOf(ours.owner.token), Origin: base },
  )
  must(await ours.manager.api.post(`${ours.path}/notifications`, { message: 'For members only', level: 'info' }))
  socket.send({ type: 'ping', id: 'p' })
  await answered.promise
  socket.cut()
  expect(texts.map((text) => JSON.parse(text).type)).toEqual(['general_notification', 'pong'])
})

test('a credential in the URL of a socket is refused', async () => {
  const { ours } = await house()
  for (const name of ['token', 'access_token', 'ticket', 'password']) {
    const answer = await askUpgrade(await own(), {}, `GET /ws?${name}=${ours.owner.token} HTTP/1.1`)
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'credential_in_url'])
  }
})

test('a dead token opens no socket', async () => {
  expect((await upgradeWith({ Authorization: `Bearer ${'x'.repeat(43)}` })).status).toBe(401)
})

test('an upgrade that RFC 6455 does not know is refused', async () => {
  const wrong = [{ 'Sec-WebSocket-Version': '8' }, { 'Sec-WebSocket-Version': null }]
  for (const headers of wrong) expect((await upgradeWith(headers)).status).toBe(426)
})

test('a socket speaks no subprotocol but ours', async () => {
  expect((await upgradeWith({ 'Sec-WebSocket-Protocol': 'graphql-ws' })).status).toBe(400)
})

test('no socket agrees on compression, whose bombs are small', async () => {
  const { status, headers } = await upgradeWith({ 'Sec-WebSocket-Extensions': 'permessage-deflate' })
  expect([status, headers['sec-websocket-extensions']]).toEqual([101, undefined])
})
