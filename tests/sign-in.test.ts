import { expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { signInFailures } from '~/db/schema'
import { hashPassword, verifyPassword } from '~/utils/password'
import { type Answer, anonymous } from './support/api'
import { appWith } from './support/app'
import { registerUser, type TestUser, unique } from './support/world'

const password = 'correct horse battery'
const freshEmail = () => `${unique('sign-in')}@zipzap.test`
const paths = (answer: Answer) => answer.body.error.details.map((detail: { path: string }) => detail.path).sort()
const cookieOf = (answer: { headers: Headers }) => answer.headers.get('set-cookie') ?? ''

let shared: Promise<TestUser> | undefined
/** One registered person for all tests of this file, which leave the account as it is. */
const somebody = () => {
  shared ??= registerUser('Somebody', password)
  return shared
}

test('signing in takes the e-mail in any case and answers a new token and the stores', async () => {
  const user = await somebody()
  const answer = await (await anonymous()).post('/auth/login', { email: user.email.toUpperCase(), password })
  expect(answer.status).toBe(200)
  expect(Object.keys(answer.data).sort()).toEqual(['expiresAt', 'stores', 'token', 'user'])
  expect(answer.data.user.id).toBe(user.id)
  expect(answer.data.token).not.toBe(user.token)
  expect(answer.data.stores).toEqual([])
  expect(cookieOf(answer)).toContain(`zipzap_session=${answer.data.token}`)
})

test('a wrong password and an unknown e-mail look the same', async () => {
  const user = await somebody()
  const api = await anonymous()
  const wrong = await api.post('/auth/login', { email: user.email, password: 'wrong' })
  const unknown = await api.post('/auth/login', { email: freshEmail(), password: 'wrong' })
  expect([wrong.status, wrong.code]).toEqual([401, 'invalid_credentials'])
  const bare = (answer: Answer) => ({ ...answer.body, error: { ...answer.body.error, requestId: '' } })
  expect(bare(unknown)).toEqual(bare(wrong))
  expect(wrong.headers.get('www-authenticate')).toBe('Bearer')
  const names = (answer: Answer) => [...answer.headers.keys()].sort()
  expect(names(unknown)).toEqual(names(wrong))
  expect(cookieOf(wrong)).toBe('')
})

test('an unknown account takes as long to refuse as a known one', async () => {
  const hash = await hashPassword(password)
  const quickest = async (against: string | null) => {
    const times: number[] = []
    for (let round = 0; round < 4; round++) {
      const startedAt = performance.now()
      expect(await verifyPassword('wrong', against)).toBe(false)
      times.push(performance.now() - startedAt)
    }
    return Math.min(...times)
  }
  const ratio = (await quickest(null)) / (await quickest(hash))
  expect(ratio).toBeGreaterThan(0.33)
  expect(ratio).toBeLessThan(3)
})

test('a hash is argon2id with the promised parameters, and a malformed one is an error, not a wrong password', async () => {
  expect(await hashPassword(password)).toStartWith('$argon2id$v=19$m=19456,t=2,p=1$')
  await expect(verifyPassword(password, 'not a hash')).rejects.toThrow()
})

test('a body that is wrong is refused before the password is judged', async () => {
  const api = await anonymous()
  const { email } = await somebody()
  const login = (rawBody: string, type = 'application/json') => api.post('/auth/login', undefined, { rawBody, headers: { 'Content-Type': type } })
  expect((await login('{}', 'text/plain')).code).toBe('unsupported_media_type')
  expect((await login('{')).code).toBe('malformed_json')
  expect(paths(await login(JSON.stringify({ email, password: 'wrong', remember: true })))).toEqual(['remember'])
  expect(paths(await login('{}'))).toEqual(['email', 'password'])
  for (const path of ['/auth/login', '/auth/nothing']) {
    const answer = await api.get(path)
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([path === '/auth/login' ? 405 : 404, 'no-store'])
  }
})

test('after ten failures for an account an address waits, even with the right password, and other addresses do not', async () => {
  const request = await appWith({})
  const { email } = await somebody()
  const attempt = (given: string, peer: string) => request('POST', '/auth/login', { body: { email, password: given }, peer })
  const answers = await Promise.all(Array.from({ length: 14 }, () => attempt('wrong', '2001:db8:1:2::1')))
  expect(answers.filter((answer) => answer.status === 401)).toHaveLength(10)
  expect(answers.filter((answer) => answer.status === 429)).toHaveLength(4)

  // Another address of the same /64 is the same customer.
  const refused = await attempt(password, '2001:db8:1:2:ffff::2')
  expect([refused.status, refused.code]).toEqual([429, 'rate_limited'])
  const retryAfter = Number(refused.headers.get('retry-after'))
  expect(retryAfter).toBeGreaterThan(600)
  expect(retryAfter).toBeLessThanOrEqual(900)
  expect(refused.headers.get('ratelimit-remaining')).toBe('0')

  expect((await attempt(password, '2001:db8:1:3::1')).status).toBe(200)
  const otherAccount = await request('POST', '/auth/login', { body: { email: freshEmail(), password: 'wrong' }, peer: '2001:db8:1:2::1' })
  expect(otherAccount.status).toBe(401)

  await db.update(signInFailures).set({ at: sql`now() - interval '16 minutes'` }).where(eq(signInFailures.address, '2001:db8:1:2::/64'))
  expect((await attempt(password, '2001:db8:1:2::1')).status).toBe(200)
})

test('after fifty failures over any accounts an address waits', async () => {
  const request = await appWith({})
  const { email } = await somebody()
  const address = '198.51.100.7'
  const failure = (index: number) => ({ id: Bun.randomUUIDv7(), account: `somebody ${index}`, address })
  await db.insert(signInFailures).values(Array.from({ length: 49 }, (_, index) => failure(index)))
  expect((await request('POST', '/auth/login', { body: { email, password }, peer: address })).status).toBe(200)
  await db.insert(signInFailures).values(failure(50))
  const refused = await request('POST', '/auth/login', { body: { email, password }, peer: address })
  expect([refused.status, refused.headers.get('ratelimit-limit')]).toEqual([429, '50'])
  const unlimited = await appWith({ RATE_LIMIT_RPS: '0' })
  expect((await unlimited('POST', '/auth/login', { body: { email, password }, peer: address })).status).toBe(200)
})

test('a success counts for nothing and no e-mail is kept with the failures', async () => {
  const request = await appWith({})
  const { email } = await somebody()
  const peer = '198.51.100.8'
  const counted = () => db.select().from(signInFailures).where(eq(signInFailures.address, peer))
  await request('POST', '/auth/login', { body: { email, password }, peer })
  expect(await counted()).toHaveLength(0)
  await request('POST', '/auth/login', { body: { email, password: 'wrong' }, peer })
  const [failure] = await counted()
  expect(failure?.account).toMatch(/^[\w-]{43}$/)
})
