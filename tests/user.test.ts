import { expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { openSession } from '~/controllers/session.controllers'
import { consumeTicket } from '~/controllers/ticket.controllers'
import { db } from '~/db/client'
import { readEvents } from '~/db/events'
import { tickets } from '~/db/schema'
import { readHead, userStream } from '~/db/streams'
import { inTransaction } from '~/db/transaction'
import { type Answer, ApiClient, anonymous, positionOf } from './support/api'
import { appWith } from './support/app'
import { testServer } from './support/server'
import { registerUser, type TestUser, unique } from './support/world'

const paths = (answer: Answer) => answer.body.error.details.map((detail: { path: string }) => detail.path).sort()

let shared: Promise<TestUser> | undefined
/** One registered person for tests that do not mind what the others made of the profile. */
const somebody = () => {
  shared ??= registerUser('Somebody')
  return shared
}

async function openedSession(userId: string) {
  const opened = await inTransaction((tx) => openSession(tx, userId, 'person', 'test agent'))
  return { ...opened, api: new ApiClient(await testServer(), opened.token) }
}

test('a new user has a profile of version 1 and a stream that begins at 0', async () => {
  const user = await registerUser('Newcomer')
  const answer = await user.api.get('/users/profile')
  expect(answer.status).toBe(200)
  expect([answer.data.firstName, answer.data.lastName, answer.data.email, answer.data.version]).toEqual(['Newcomer', 'Tester', user.email, 1])
  expect(answer.headers.get('etag')).toBe('"1"')
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(positionOf(answer, userStream(user.id)).seq).toBe(0)
})

test('a change of the profile makes a version and one event with the whole profile', async () => {
  const { api, id } = await somebody()
  const before = (await api.get('/users/profile')).data
  const values = { firstName: 'Ann', lastName: 'Lee', phone: '+4930123', avatarUrl: 'https://img.example/a.png', locale: 'de-DE' }
  const answer = await api.patch('/users/profile', values)
  expect(answer.status).toBe(200)
  expect(answer.data).toMatchObject({ ...values, version: before.version + 1 })
  expect(answer.headers.get('etag')).toBe(`"${before.version + 1}"`)
  expect((await api.get('/users/profile')).data).toEqual(answer.data)

  const { seq } = positionOf(answer, userStream(id))
  const [event] = await readEvents(userStream(id), seq - 1, seq, 1)
  expect(event?.type).toBe('profile_updated')
  expect(JSON.parse(event?.json ?? '')).toEqual({
    action: 'profile_updated',
    profile: answer.data,
    updatedFields: { firstName: true, lastName: true, phone: true, avatarUrl: true, locale: true },
  })

  const cleared = await api.patch('/users/profile', { firstName: 'Ann', phone: null, avatarUrl: null })
  expect([cleared.data.phone, cleared.data.avatarUrl, cleared.data.lastName]).toEqual([null, null, 'Lee'])
  const [second] = await readEvents(userStream(id), seq, seq + 1, 1)
  expect(JSON.parse(second?.json ?? '').updatedFields).toEqual({ phone: true, avatarUrl: true })
})

test('a change that changes nothing makes no version and no event', async () => {
  const { api, id } = await somebody()
  const before = (await api.get('/users/profile')).data
  const head = await readHead(userStream(id))
  const answer = await api.patch('/users/profile', { firstName: before.firstName, locale: before.locale })
  expect([answer.status, answer.data]).toEqual([200, before])
  expect(answer.headers.get('x-stream-position')).toBeNull()
  expect(await readHead(userStream(id))).toEqual(head)
})

test('If-Match with another version refuses the change, before the body is judged', async () => {
  const { api } = await somebody()
  const before = (await api.get('/users/profile')).data
  const stale = { headers: { 'If-Match': `"${before.version + 1}"` } }
  expect((await api.patch('/users/profile', { firstName: 'Stale' }, stale)).code).toBe('version_mismatch')
  expect((await api.patch('/users/profile', { firstName: 5 }, stale)).status).toBe(412)
  expect((await api.get('/users/profile')).data).toEqual(before)
  const fresh = { headers: { 'If-Match': `"${before.version}"` } }
  expect((await api.patch('/users/profile', { firstName: 'Fresh' }, fresh)).data.version).toBe(before.version + 1)
})

test('of racing changes with the same If-Match one wins', async () => {
  const { api } = await somebody()
  const { version } = (await api.get('/users/profile')).data
  const change = (firstName: string) => api.patch('/users/profile', { firstName }, { headers: { 'If-Match': `"${version}"` } })
  const answers = await Promise.all([change('Left'), change('Right'), change('Middle')])
  expect(answers.map((answer) => answer.status).sort()).toEqual([200, 412, 412])
})

test('the profile names every wrong and unknown field, e-mail and kind among them', async () => {
  const { api } = await somebody()
  const wrong = await api.patch('/users/profile', {
    firstName: ' ',
    lastName: 'x'.repeat(121),
    phone: 5,
    avatarUrl: 'javascript:alert(1)',
    locale: 'de_DE!',
    email: 'new@zipzap.test',
    kind: 'device',
  })
  expect([wrong.status, wrong.code]).toEqual([422, 'validation_failed'])
  expect(paths(wrong)).toEqual(['avatarUrl', 'email', 'firstName', 'kind', 'lastName', 'locale', 'phone'])
  expect(paths(await api.patch('/users/profile', { firstName: null, lastName: 'a\u0000' }))).toEqual(['firstName', 'lastName'])
})

test('nothing of a user is there without a session', async () => {
  const api = await anonymous()
  const answers = await Promise.all([
    api.get('/users/profile'),
    api.patch('/users/profile', {}),
    api.patch('/users/password', {}),
    api.patch('/users/email', {}),
    api.get('/users/sessions'),
    api.delete(`/users/sessions/${Bun.randomUUIDv7()}`),
    api.post('/websocket/tickets'),
  ])
  for (const answer of answers) expect([answer.status, answer.code, answer.headers.get('www-authenticate')]).toEqual([401, 'unauthorized', 'Bearer'])
})

test('a new password ends all other sessions and keeps this one; the old one no longer signs in', async () => {
  const user = await registerUser('Changer')
  const other = await openedSession(user.id)
  const wrong = await user.api.patch('/users/password', { currentPassword: 'not it', newPassword: 'another good one' })
  expect([wrong.status, wrong.code, paths(wrong)]).toEqual([422, 'validation_failed', ['currentPassword']])
  const short = await user.api.patch('/users/password', { currentPassword: user.password, newPassword: 'short', hint: 1 })
  expect(paths(short)).toEqual(['hint', 'newPassword'])
  expect((await other.api.get('/users/profile')).status).toBe(200)

  const changed = await user.api.patch('/users/password', { currentPassword: user.password, newPassword: 'another good one' })
  expect(changed.status).toBe(200)
  expect(JSON.stringify(changed.body)).not.toContain('argon2')
  expect((await other.api.get('/users/profile')).status).toBe(401)
  expect((await user.api.get('/users/profile')).status).toBe(200)
  const api = await anonymous()
  const login = async (password: string) => (await api.post('/auth/login', { email: user.email, password })).status
  expect(await login(user.password)).toBe(401)
  expect(await login('another good one')).toBe(200)
})

test('of racing changes of the password one wins', async () => {
  const user = await registerUser('Racer')
  const change = (newPassword: string) => user.api.patch('/users/password', { currentPassword: user.password, newPassword })
  const answers = await Promise.all([change('the left password'), change('the right password')])
  expect(answers.map((answer) => answer.status).sort()).toEqual([200, 422])
})

test('a new e-mail needs the password, makes a version and an event, and is the one to sign in with', async () => {
  const user = await registerUser('Mover')
  const email = `${unique('moved')}@zipzap.test`
  const wrong = await user.api.patch('/users/email', { email, currentPassword: 'not it at all' })
  expect([wrong.status, wrong.code, paths(wrong)]).toEqual([422, 'validation_failed', ['currentPassword']])
  const changed = await user.api.patch('/users/email', { email, currentPassword: user.password })
  expect([changed.status, changed.data.email, changed.data.version, changed.headers.get('etag')]).toEqual([200, email, 2, '"2"'])
  expect((await user.api.get('/users/profile')).data).toEqual(changed.data)

  const { seq } = positionOf(changed, userStream(user.id))
  const [event] = await readEvents(userStream(user.id), seq - 1, seq, 1)
  expect(event?.type).toBe('profile_updated')
  expect(JSON.parse(event?.json ?? '')).toEqual({ action: 'profile_updated', profile: changed.data, updatedFields: { email: true } })

  const again = await user.api.patch('/users/email', { email, currentPassword: user.password })
  expect([again.status, again.data.version, again.headers.get('x-stream-position')]).toEqual([200, 2, null])
  const api = await anonymous()
  const login = async (address: string) => (await api.post('/auth/login', { email: address, password: user.password })).status
  expect([await login(user.email), await login(email)]).toEqual([401, 200])
})

test('an e-mail that somebody has, in whatever case, is taken; the case of the own one may change', async () => {
  const [user, other] = await Promise.all([registerUser('Wisher'), somebody()])
  const change = (email: string) => user.api.patch('/users/email', { email, currentPassword: user.password })
  const taken = await change(other.email.toUpperCase())
  expect([taken.status, taken.code]).toEqual([409, 'email_taken'])
  expect((await change(user.email.toUpperCase())).data.email).toBe(user.email.toUpperCase())
  const racers = await Promise.all([registerUser('Racer'), registerUser('Racer')])
  const wanted = `${unique('wanted')}@zipzap.test`
  const answers = await Promise.all(racers.map(({ api, password }) => api.patch('/users/email', { email: wanted, currentPassword: password })))
  expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409])
})

test('the version is judged before the fields of a new e-mail, and these before whose it is', async () => {
  const { api, email } = await somebody()
  const stale = { headers: { 'If-Match': '"4711"' } }
  expect((await api.patch('/users/email', { email: 'no', extra: 1 }, stale)).status).toBe(412)
  expect((await api.patch('/users/email', { email, currentPassword: 'not it at all' }, stale)).code).toBe('version_mismatch')
  expect(paths(await api.patch('/users/email', { email: 'no', extra: 1 }))).toEqual(['currentPassword', 'email', 'extra'])
})

test('guessing the password by changes of the e-mail counts as failed sign-ins', async () => {
  const user = await registerUser('Guessed')
  const send = await appWith({ RATE_LIMIT_RPS: '100' })
  const headers = { Authorization: `Bearer ${user.token}` }
  const change = () =>
    send('PATCH', '/users/email', { body: { email: 'thief@zipzap.test', currentPassword: 'guessed wrong' }, headers, peer: '192.0.2.99' })
  const answers = await Promise.all(Array.from({ length: 11 }, change))
  expect(answers.map((answer) => answer.status).sort()).toEqual([...Array(10).fill(422), 429])
  const login = await send('POST', '/auth/login', { body: { email: user.email, password: user.password }, peer: '192.0.2.99' })
  expect(login.status).toBe(429)
})

test('sessions are listed newest first, page by page, with the current one marked', async () => {
  const user = await registerUser('Lister')
  const second = await openedSession(user.id)
  const third = await openedSession(user.id)
  const dead = await openedSession(user.id)
  await dead.api.post('/auth/logout')
  const all = await second.api.get('/users/sessions')
  expect(all.body.meta).toEqual({ nextCursor: null, limit: 50 })
  expect(all.data).toHaveLength(3)
  expect(all.data.filter((session: { current: boolean }) => session.current).map((session: { id: string }) => session.id)).toEqual([second.sessionId])
  const first = await second.api.get('/users/sessions?limit=2')
  const rest = await second.api.get(`/users/sessions?limit=2&cursor=${first.body.meta.nextCursor}`)
  expect([...first.data, ...rest.data]).toEqual(all.data)
  expect(first.data.map((session: { id: string }) => session.id)).toContain(third.sessionId)
  const stranger = await somebody()
  expect((await stranger.api.get(`/users/sessions?cursor=${first.body.meta.nextCursor}`)).code).toBe('invalid_cursor')
  expect((await second.api.get('/users/sessions?limit=0&page=2')).status).toBe(422)
})

test('one may end own sessions only; others, unknown, dead and malformed ones are not found', async () => {
  const user = await somebody()
  const stranger = await registerUser('Stranger')
  const { api, sessionId } = await openedSession(user.id)
  for (const id of [sessionId, Bun.randomUUIDv7(), 'nonsense']) {
    const answer = await stranger.api.delete(`/users/sessions/${id}`)
    expect([answer.status, answer.code]).toEqual([404, 'not_found'])
  }
  expect((await api.get('/users/profile')).status).toBe(200)
  const ended = await user.api.delete(`/users/sessions/${sessionId}`)
  expect([ended.status, ended.data.id, ended.headers.get('set-cookie')]).toEqual([200, sessionId, null])
  expect((await api.get('/users/profile')).status).toBe(401)
  expect((await user.api.delete(`/users/sessions/${sessionId}`)).status).toBe(404)
})

test('a ticket names its session once, for thirty seconds', async () => {
  const user = await somebody()
  const { api, sessionId } = await openedSession(user.id)
  const answer = await api.post('/websocket/tickets')
  expect(answer.status).toBe(201)
  expect(answer.data.ticket).toMatch(/^[\w-]{43}$/)
  const leftMs = Date.parse(answer.data.expiresAt) - Date.now()
  expect(leftMs).toBeGreaterThan(20_000)
  expect(leftMs).toBeLessThanOrEqual(30_500)
  const uses = await Promise.all([1, 2, 3].map(() => consumeTicket(answer.data.ticket)))
  expect(uses.filter((use) => use !== null)).toEqual([sessionId])
  expect(await consumeTicket(answer.data.ticket)).toBeNull()
  expect(await consumeTicket('nonsense')).toBeNull()

  const late = (await api.post('/websocket/tickets')).data.ticket
  await db.update(tickets).set({ expiresAt: sql`now() - interval '1 second'` }).where(eq(tickets.sessionId, sessionId))
  expect(await consumeTicket(late)).toBeNull()
})
