import { expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { forgetSessions, nameSessionCookie, openSession, touchSessions } from '~/controllers/session.controllers'
import { db } from '~/db/client'
import { removeExpiredIdentityRows } from '~/db/retention'
import { sessions, signInFailures, users } from '~/db/schema'
import { inTransaction } from '~/db/transaction'
import { type Answer, ApiClient, anonymous } from './support/api'
import { appWith } from './support/app'
import { testServer } from './support/server'
import { registerUser, type TestUser, unique } from './support/world'

const password = 'correct horse battery'
const freshEmail = () => `${unique('auth')}@zipzap.test`
const paths = (answer: Answer) => answer.body.error.details.map((detail: { path: string }) => detail.path).sort()
const cookieOf = (answer: { headers: Headers }) => answer.headers.get('set-cookie') ?? ''

let shared: Promise<TestUser> | undefined
/** One registered person for tests that leave the account as it is. */
const somebody = () => {
  shared ??= registerUser('Somebody', password)
  return shared
}

/** A person's further session, made without argon2. */
async function openedSession(userId: string, kind: 'person' | 'device' = 'person') {
  const opened = await inTransaction((tx) => openSession(tx, userId, kind, 'test agent'))
  return { ...opened, api: new ApiClient(await testServer(), opened.token) }
}

async function deviceSession() {
  await testServer()
  const id = Bun.randomUUIDv7()
  await db.insert(users).values({ id, kind: 'device', firstName: 'Till 1' })
  return openedSession(id, 'device')
}

test('registering answers the user, a token that works and a cookie, and nothing secret', async () => {
  const api = await anonymous()
  const email = freshEmail()
  const answer = await api.post('/auth/register', { email, password, firstName: 'Ann', lastName: 'Lee', phone: '+49 30 1' })
  expect(answer.status).toBe(201)
  expect(Object.keys(answer.data).sort()).toEqual(['expiresAt', 'token', 'user'])
  expect(answer.data.user).toEqual({
    id: expect.any(String),
    kind: 'person',
    email,
    firstName: 'Ann',
    lastName: 'Lee',
    phone: '+49 30 1',
    avatarUrl: null,
    locale: null,
    version: 1,
    createdAt: expect.any(String),
    updatedAt: expect.any(String),
  })
  expect(answer.data.token).toMatch(/^[\w-]{43}$/)
  expect(cookieOf(answer)).toMatch(/^zipzap_session=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/)
  expect(answer.headers.get('cache-control')).toBe('no-store')
  const signedIn = new ApiClient(api.server, answer.data.token)
  expect((await signedIn.get('/users/profile')).data).toEqual(answer.data.user)
})

test('registering names every wrong and unknown field', async () => {
  const api = await anonymous()
  const wrong = await api.post('/auth/register', { email: 'nope', password: '123456789', lastName: 5, role: 'admin' })
  expect(wrong.status).toBe(422)
  expect(paths(wrong)).toEqual(['email', 'firstName', 'lastName', 'password', 'role'])
  expect(
    (await api.post('/auth/register', { email: freshEmail(), password: 'x'.repeat(257), firstName: 'A\u0000' })).body.error.details,
  ).toHaveLength(2)
})

test('of racing registrations of one e-mail, whatever its case, one wins and the others get 409', async () => {
  const api = await anonymous()
  const email = freshEmail()
  const attempts = [email, email.toUpperCase(), email].map((spelling) => api.post('/auth/register', { email: spelling, password, firstName: 'Race' }))
  const answers = await Promise.all(attempts)
  expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409, 409])
  expect(answers.filter((answer) => answer.status === 409).every((answer) => answer.code === 'email_taken')).toBe(true)
  expect(await db.select().from(users).where(sql`lower(${users.email}) = ${email}`)).toHaveLength(1)
})

test('signing out ends this session and clears the cookie; other sessions stay', async () => {
  const user = await somebody()
  const { api, sessionId } = await openedSession(user.id)
  const answer = await api.post('/auth/logout')
  expect(answer.status).toBe(200)
  expect(answer.data.id).toBe(sessionId)
  expect(cookieOf(answer)).toMatch(/^zipzap_session=; Max-Age=0; Path=\//)
  const after = await api.get('/auth/session')
  expect([after.status, after.code]).toEqual([401, 'unauthorized'])
  expect((await user.api.get('/auth/session')).status).toBe(200)
  expect((await (await anonymous()).post('/auth/logout')).status).toBe(401)
})

test('the session answers who is signed in, since when and until when, without its token', async () => {
  const user = await somebody()
  const { api, sessionId, expiresAt, token } = await openedSession(user.id)
  const answer = await api.get('/auth/session')
  expect(answer.status).toBe(200)
  expect(answer.data.user.id).toBe(user.id)
  expect(answer.data.stores).toEqual([])
  const { session } = answer.data
  expect(session).toEqual({
    id: sessionId,
    createdAt: expect.any(String),
    lastUsedAt: session.createdAt,
    expiresAt,
    userAgent: 'test agent',
    current: true,
  })
  expect(Date.parse(session.expiresAt) - Date.parse(session.createdAt)).toBe(14 * 86_400_000)
  expect(JSON.stringify(answer.body)).not.toContain(token)
})

test('a session dies after 14 idle days, after 90 days and when it is ended, as the database judges', async () => {
  const user = await somebody()
  const { api, sessionId } = await openedSession(user.id)
  const statusWith = async (change: Partial<Record<'lastUsedAt' | 'expiresAt' | 'endedAt', ReturnType<typeof sql>>>) => {
    await db
      .update(sessions)
      .set({ lastUsedAt: sql`now()`, expiresAt: sql`now() + interval '1 day'`, endedAt: null, ...change })
      .where(eq(sessions.id, sessionId))
    // What the API does when it ends a session; these rows were changed behind its back.
    forgetSessions()
    return (await api.get('/auth/session')).status
  }
  expect(await statusWith({})).toBe(200)
  expect(await statusWith({ lastUsedAt: sql`now() - interval '14 days 1 second'` })).toBe(401)
  expect(await statusWith({ expiresAt: sql`now() - interval '1 second'` })).toBe(401)
  expect(await statusWith({ endedAt: sql`now()` })).toBe(401)
})

test('the use of a session is noted at most once an hour', async () => {
  const user = await somebody()
  const { api, sessionId } = await openedSession(user.id)
  const lastUsed = async () => (await db.select().from(sessions).where(eq(sessions.id, sessionId)))[0]?.lastUsedAt.getTime() ?? 0
  const first = await lastUsed()
  await touchSessions([sessionId])
  expect(await lastUsed()).toBe(first)
  await db.update(sessions).set({ lastUsedAt: sql`now() - interval '2 hours'` }).where(eq(sessions.id, sessionId))
  const old = await lastUsed()
  forgetSessions()
  await api.get('/auth/session')
  // It is noted beside the request, which does not wait for it.
  let noted = old
  for (let look = 0; look < 1000 && noted === old; look++) noted = await lastUsed()
  expect(noted).toBeGreaterThanOrEqual(first)
})

test("a device's session never runs out, and it may not change profile or password", async () => {
  const { api, expiresAt, sessionId } = await deviceSession()
  expect(expiresAt).toBeNull()
  await db.update(sessions).set({ lastUsedAt: sql`now() - interval '400 days'` }).where(eq(sessions.id, sessionId))
  const session = await api.get('/auth/session')
  expect([session.status, session.data.user.kind, session.data.user.email, session.data.session.expiresAt]).toEqual([200, 'device', null, null])
  for (const path of ['/users/profile', '/users/password']) {
    const answer = await api.patch(path, { unknown: true })
    expect([answer.status, answer.code]).toEqual([403, 'forbidden'])
  }
})

test('a password is the same however a keyboard composes its letters', async () => {
  const api = await anonymous()
  const email = freshEmail()
  await api.post('/auth/register', { email, password: 'pässwörd für Ångström'.normalize('NFD'), firstName: 'Åsa' })
  expect((await api.post('/auth/login', { email, password: 'pässwörd für Ångström'.normalize('NFC') })).status).toBe(200)
  expect((await api.post('/auth/login', { email, password: 'password fur Angstrom' })).status).toBe(401)
})

test('with the cookie, reading needs no Origin, and writing needs one of ours', async () => {
  const request = await appWith({ CORS_ORIGINS: 'https://shop.example' })
  const { token } = await openedSession((await somebody()).id)
  const cookie = `other=1; zipzap_session=${token}`
  const patch = (origin?: string) =>
    request('PATCH', '/users/profile', { body: {}, headers: { Cookie: cookie, ...(origin === undefined ? {} : { Origin: origin }) } })
  expect((await request('GET', '/users/profile', { headers: { Cookie: cookie } })).status).toBe(200)
  for (const origin of ['https://evil.example', 'null', 'http://zipzap.test.evil.example', 'http://zipzap.test:9999', undefined]) {
    const answer = await patch(origin)
    expect([origin, answer.status, answer.code]).toEqual([origin, 403, 'forbidden'])
  }
  const loopback = ['http://localhost:5173', 'http://127.0.0.1:1', 'http://127.8.8.8', 'http://[::1]:3000', 'https://till.localhost']
  for (const origin of ['http://zipzap.test', 'https://zipzap.test', 'https://shop.example', ...loopback])
    expect([origin, (await patch(origin)).status]).toEqual([origin, 200])
  expect((await request('GET', '/users/profile', { headers: { Cookie: `zipzap_session="${token}"` } })).status).toBe(200)
  expect((await request('GET', '/users/profile', { headers: { Cookie: 'zipzap_session=nonsense' } })).status).toBe(401)
})

test('an Authorization that is there is judged alone: a good cookie does not rescue it', async () => {
  const { token } = await openedSession((await somebody()).id)
  const api = await anonymous()
  for (const authorization of ['Bearer nonsense', 'Basic abc', ''])
    expect((await api.get('/users/profile', { headers: { Authorization: authorization, Cookie: `zipzap_session=${token}` } })).status).toBe(401)
})

test('in production the cookie is __Host- and Secure, no other name is accepted, and a loopback Origin is foreign', async () => {
  const request = await appWith({ NODE_ENV: 'production' })
  const { email } = await somebody()
  try {
    nameSessionCookie({ isProduction: true })
    const login = await request('POST', '/auth/login', { body: { email, password } })
    const { token } = login.body.data
    expect(cookieOf(login)).toMatch(/^__Host-zipzap_session=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    const read = async (cookie: string) => (await request('GET', '/auth/session', { headers: { Cookie: cookie } })).status
    expect(await read(`__Host-zipzap_session=${token}`)).toBe(200)
    expect(await read(`zipzap_session=${token}`)).toBe(401)
    const headers = { Cookie: `__Host-zipzap_session=${token}`, Origin: 'http://localhost:3000' }
    expect((await request('POST', '/auth/logout', { headers })).status).toBe(403)
    const logout = await request('POST', '/auth/logout', { headers: { ...headers, Origin: 'https://zipzap.test' } })
    expect(cookieOf(logout)).toMatch(/^__Host-zipzap_session=; Max-Age=0; Path=\/; .*Secure/)
  } finally {
    nameSessionCookie({ isProduction: false })
  }
})

test('only long dead sessions and old failures are cleared away', async () => {
  const user = await somebody()
  const opened = await Promise.all([1, 2, 3, 4].map(() => openedSession(user.id)))
  const [ended, expired, idle, alive] = opened.map((session) => session.sessionId)
  const device = await deviceSession()
  const set = (id: string | undefined, change: Record<string, ReturnType<typeof sql>>) =>
    db
      .update(sessions)
      .set(change)
      .where(eq(sessions.id, id ?? ''))
  await set(ended, { endedAt: sql`now() - interval '31 days'` })
  await set(expired, { expiresAt: sql`now() - interval '31 days'` })
  await set(idle, { lastUsedAt: sql`now() - interval '45 days'` })
  await set(device.sessionId, { lastUsedAt: sql`now() - interval '400 days'` })
  await opened[0]?.api.post('/websocket/tickets')
  const old = { id: Bun.randomUUIDv7(), account: 'old', address: 'old' }
  await db.insert(signInFailures).values({ ...old, at: sql`now() - interval '2 hours'` })
  await removeExpiredIdentityRows()
  const left = new Set((await db.select({ id: sessions.id }).from(sessions)).map((row) => row.id))
  expect([ended, expired, idle, alive, device.sessionId].map((id) => left.has(id ?? ''))).toEqual([false, false, false, true, true])
  expect(await db.select().from(signInFailures).where(eq(signInFailures.id, old.id))).toHaveLength(0)
})
