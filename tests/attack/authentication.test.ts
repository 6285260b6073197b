import { expect, test } from 'bun:test'
import { ApiClient } from '../support/api'
import { fresh, house, must, register } from './house'

/** Getting in as somebody else. Wrong passwords count for the address: of the fifty it has, each check takes its share. */

const password = 'correct horse battery'
const wrong = 'incorrect horse battery'
const secretOf = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')

async function sessionWith(headers: Record<string, string>): Promise<number> {
  const { nobody } = await house()
  return (await nobody.get('/auth/session', { headers })).status
}

test('an honest till is served', async () => {
  const { ours, nobody } = await house()
  expect((await ours.staff.api.get(`${ours.path}/orders/${ours.orderId}`)).status).toBe(200)
  expect((await nobody.get('/health/live')).status).toBe(200)
})

test('a token that was made up opens nothing', async () => {
  expect(await sessionWith({ Authorization: `Bearer ${secretOf()}` })).toBe(401)
})

test('a token is dead as soon as its session is signed out', async () => {
  const { nobody } = await house()
  const thief = await register(nobody, 'Thea')
  must(await thief.api.post('/auth/logout'))
  expect((await thief.api.get('/auth/session')).status).toBe(401)
})

test('a token in the URL is refused, under each name that one might have', async () => {
  const { nobody, ours } = await house()
  const names = ['token', 'access_token', 'ticket', 'password']
  const codes = await Promise.all(names.map(async (name) => (await nobody.get(`/auth/session?${name}=${ours.owner.token}`)).code))
  expect(codes).toEqual(names.map(() => 'credential_in_url'))
})

test('an Authorization of another scheme is not rescued by a good cookie', async () => {
  const { ours } = await house()
  expect(await sessionWith({ Authorization: 'Basic dXNlcjpwYXNz', Cookie: `__Host-zipzap_session=${ours.owner.token}` })).toBe(401)
})

test('a cookie that a sibling domain could have set is not looked at', async () => {
  const { ours } = await house()
  expect(await sessionWith({ Cookie: `zipzap_session=${ours.owner.token}` })).toBe(401)
  expect(await sessionWith({ Cookie: `__Host-zipzap_session=${ours.owner.token}` })).toBe(200)
})

test('the cookie is out of reach of scripts, other sites and plain HTTP', async () => {
  const { nobody, mallory } = await house()
  const { headers } = await nobody.post('/auth/login', { email: mallory.email, password })
  const [pair = '', ...attributes] = (headers.get('set-cookie') ?? '').split('; ')
  expect(pair).toStartWith('__Host-zipzap_session=')
  expect(attributes.map((attribute) => attribute.toLowerCase())).toEqual(expect.arrayContaining(['httponly', 'secure', 'samesite=lax', 'path=/']))
  expect(attributes.some((attribute) => /^domain/i.test(attribute))).toBe(false)
})

test('a new password throws out whoever knew the old one', async () => {
  const { nobody } = await house()
  const victim = await register(nobody, 'Vera')
  const thief = new ApiClient(nobody.server, must(await nobody.post('/auth/login', { email: victim.email, password })).token)
  must(await victim.api.patch('/users/password', { currentPassword: password, newPassword: 'another horse battery' }))
  expect((await thief.get('/auth/session')).status).toBe(401)
})

test('a stolen session changes neither password nor e-mail without the password', async () => {
  const { ours } = await house()
  const { api } = ours.kitchen
  expect((await api.patch('/users/password', { currentPassword: wrong, newPassword: 'mine now, all of it' })).status).toBe(422)
  expect((await api.patch('/users/email', { email: `${fresh('mine')}@zipzap.test`, currentPassword: wrong })).status).toBe(422)
})

test('nobody ends the session of somebody else', async () => {
  const { ours, mallory } = await house()
  const { session } = must(await ours.owner.api.get('/auth/session'))
  expect((await mallory.api.delete(`/users/sessions/${session.id}`)).status).toBe(404)
  expect((await ours.owner.api.get('/auth/session')).status).toBe(200)
})

test('a device opens no store and changes no account', async () => {
  const { api } = (await house()).ours.kiosk
  const asked = [
    await api.post('/stores', { name: 'Mine' }),
    await api.patch('/users/profile', { firstName: 'Mine' }),
    await api.patch('/users/password', { currentPassword: wrong, newPassword: password }),
    await api.patch('/users/email', { email: 'mine@zipzap.test', currentPassword: wrong }),
  ]
  expect(asked.map(({ status }) => status)).toEqual([403, 403, 403, 403])
})

test('a user sees of itself what is documented, and no hash of anything', async () => {
  const profile = must(await (await house()).mallory.api.get('/users/profile'))
  const fields = ['avatarUrl', 'createdAt', 'email', 'firstName', 'id', 'kind', 'lastName', 'locale', 'phone', 'updatedAt', 'version']
  expect(Object.keys(profile).sort()).toEqual(fields)
})

test('a sign-in says nothing of which stores others have', async () => {
  const { nobody, mallory, theirs } = await house()
  const { stores } = must(await nobody.post('/auth/login', { email: mallory.email, password }))
  expect(stores.map((store: { storeId: string }) => store.storeId)).toEqual([theirs.storeId])
})

test('an absurdly long password is refused before it costs anything', async () => {
  const { nobody } = await house()
  const long = { email: `${fresh('long')}@zipzap.test`, password: 'x'.repeat(100_000), firstName: 'Long' }
  expect((await nobody.post('/auth/register', long)).status).toBe(422)
})

test('a short password is refused', async () => {
  const { nobody } = await house()
  expect((await nobody.post('/auth/register', { email: `${fresh('short')}@zipzap.test`, password: 'ninechars', firstName: 'Short' })).status).toBe(
    422,
  )
})

test('one e-mail in another case is the same account', async () => {
  const { nobody, mallory } = await house()
  const twin = { email: mallory.email.toUpperCase(), password, firstName: 'Twin' }
  expect((await nobody.post('/auth/register', twin)).code).toBe('email_taken')
})

test('who asks for a new password learns nothing of who is registered', async () => {
  const { nobody, ours } = await house()
  const known = await nobody.post('/auth/password-reset', { email: ours.manager.email })
  const unknown = await nobody.post('/auth/password-reset', { email: `${fresh('unknown')}@zipzap.test` })
  expect([known.status, known.body]).toEqual([unknown.status, unknown.body])
  expect(known.status).toBe(200)
})

test('a reset token that was made up sets no password', async () => {
  const { nobody, ours } = await house()
  must(await nobody.post('/auth/password-reset', { email: ours.staff.email }))
  expect((await nobody.post('/auth/password-reset/confirm', { token: secretOf(), newPassword: 'mine now, all of it' })).status).toBe(422)
})

/** Milliseconds that a wrong sign-in takes, of several the middle one. */
async function timeOf(email: string): Promise<number> {
  const { nobody } = await house()
  const times: number[] = []
  for (let attempt = 0; attempt < 3; attempt++) {
    const startedAt = performance.now()
    expect((await nobody.post('/auth/login', { email, password: wrong })).code).toBe('invalid_credentials')
    times.push(performance.now() - startedAt)
  }
  return times.sort((a, b) => a - b)[1] ?? 0
}

test('an unknown e-mail is refused in the words of a wrong password, and takes as long', async () => {
  const { nobody } = await house()
  const victim = await register(nobody, 'Una')
  // Without the work for nobody's password an answer takes a fiftieth of the time.
  expect(await timeOf(`${fresh('unknown')}@zipzap.test`)).toBeGreaterThan((await timeOf(victim.email)) / 4)
})

const guess = async (email: string, given: string, headers: Record<string, string> = {}) =>
  (await (await house()).nobody.post('/auth/login', { email, password: given }, { headers })).status

test('after ten wrong passwords even the right one is not judged', async () => {
  const victim = await register((await house()).nobody, 'Tina')
  for (let attempt = 0; attempt < 10; attempt++) expect(await guess(victim.email, wrong)).toBe(401)
  expect(await guess(victim.email, password)).toBe(429)
})

test('another X-Forwarded-For gives no new tries', async () => {
  const victim = await register((await house()).nobody, 'Faye')
  const from = (attempt: number) => ({
    'X-Forwarded-For': `203.0.113.${attempt}`,
    'X-Real-IP': `203.0.113.${attempt}`,
    Forwarded: `for=203.0.113.${attempt}`,
  })
  for (let attempt = 0; attempt < 10; attempt++) expect(await guess(victim.email, wrong, from(attempt))).toBe(401)
  expect(await guess(victim.email, password, from(99))).toBe(429)
})

test('of thirty guesses at once no more than ten are judged', async () => {
  const victim = await register((await house()).nobody, 'Rae')
  const statuses = await Promise.all(Array.from({ length: 30 }, () => guess(victim.email, wrong)))
  expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(10)
  expect(statuses.every((status) => status === 401 || status === 429)).toBe(true)
})

// The last one: this address signs nobody in any more.
test('one password tried on many accounts ends at fifty', async () => {
  let judged = 0
  for (let attempt = 0; attempt < 60; attempt++) {
    const status = await guess(`${fresh('anybody')}@zipzap.test`, wrong)
    if (status === 429) break
    judged += 1
  }
  expect(judged).toBeLessThanOrEqual(50)
})
