import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { hashToken } from '~/controllers/session.controllers'
import { db } from '~/db/client'
import { removeExpiredIdentityRows } from '~/db/retention'
import { passwordResets } from '~/db/schema'
import { loadConfig } from '~/utils/config'
import { closeMail, configureMail } from '~/utils/mail'
import { type ApiClient, anonymous } from './support/api'
import { appWith } from './support/app'
import { detailPaths } from './support/refusals'
import { type MailSink, startMailSink } from './support/smtp'
import { TestSocket } from './support/socket'
import { registerUser, unique } from './support/world'

let sink: MailSink
let api: ApiClient
beforeAll(async () => {
  sink = await startMailSink()
  api = await anonymous()
  await configureMail(loadConfig({ SMTP_URL: sink.url, MAIL_FROM: 'Corner Diner <diner@zipzap.test>' }))
})
afterAll(async () => {
  await closeMail()
  await configureMail(loadConfig({}))
  await sink.close()
})

const ask = (email: string) => api.post('/auth/password-reset', { email })
const confirm = (token: string, newPassword = 'a brand new password') => api.post('/auth/password-reset/confirm', { token, newPassword })
const login = async (email: string, password: string) => (await api.post('/auth/login', { email, password })).status

/** The token of the next mail to somebody, as the page of the link reads it. */
async function nextToken(email: string): Promise<string> {
  const { text } = await sink.next(email)
  return /^http:\/\/localhost:\d+\/console\/reset-password#token=([\w-]+)$/m.exec(text)?.[1] ?? ''
}

const resetsOf = (userId: string) => db.select().from(passwordResets).where(eq(passwordResets.userId, userId))

test('the mailed link sets a new password once, and ends every session with its sockets', async () => {
  const user = await registerUser('Forgetful')
  const socket = await TestSocket.open({ token: user.token })
  await socket.authenticate({ userId: user.id })
  const asked = await ask(user.email.toUpperCase())
  expect([asked.status, asked.data]).toEqual([200, {}])
  expect(asked.headers.get('cache-control')).toBe('no-store')
  const mail = await sink.next(user.email)
  expect([mail.from, mail.to]).toEqual(['diner@zipzap.test', [user.email]])
  expect(mail.headers.get('from')).toBe('Corner Diner <diner@zipzap.test>')
  expect(mail.headers.get('subject')).toBe('A new password for ZipZap')
  const token = /#token=([\w-]{43})$/m.exec(mail.text)?.[1] ?? ''
  expect((await user.api.get('/auth/session')).status).toBe(200)

  const confirmed = await confirm(token)
  expect([confirmed.status, confirmed.data, confirmed.headers.get('set-cookie')]).toEqual([200, {}, null])
  expect(await socket.closeCode()).toBe(4401)
  expect((await user.api.get('/auth/session')).status).toBe(401)
  expect([await login(user.email, user.password), await login(user.email, 'a brand new password')]).toEqual([401, 200])
  const again = await confirm(token)
  expect([again.status, again.code, detailPaths(again)]).toEqual([422, 'validation_failed', ['token']])
})

test('an account that is not there is answered alike, and nobody gets a mail', async () => {
  const user = await registerUser('Known')
  const unknown = await ask('nobody.at.all@zipzap.test')
  const known = await ask(user.email)
  expect([unknown.status, unknown.body]).toEqual([known.status, known.body])
  await sink.next(user.email)
  expect(sink.mails.filter((mail) => mail.to.includes('nobody.at.all@zipzap.test'))).toEqual([])
  const rows = await db.select().from(passwordResets).where(sql`${passwordResets.userId} is null`)
  expect(rows.length).toBeGreaterThan(0)
})

test('the token is stored as its SHA-256 and nowhere else', async () => {
  const user = await registerUser('Hashed')
  await ask(user.email)
  const token = await nextToken(user.email)
  const [row] = await resetsOf(user.id)
  expect(Buffer.from(row?.tokenHash ?? [])).toEqual(Buffer.from(hashToken(token)))
  expect(JSON.stringify(row)).not.toContain(token)
  expect(JSON.stringify(row)).not.toContain(user.email)
})

test('a link is good for thirty minutes, and is then removed', async () => {
  const user = await registerUser('Late')
  await ask(user.email)
  const token = await nextToken(user.email)
  const [row] = await resetsOf(user.id)
  const lifeMs = (row?.expiresAt.getTime() ?? 0) - (row?.createdAt.getTime() ?? 0)
  expect(lifeMs).toBe(30 * 60_000)
  await db.update(passwordResets).set({ expiresAt: sql`now() - interval '1 second'` }).where(eq(passwordResets.userId, user.id))
  expect(detailPaths(await confirm(token))).toEqual(['token'])
  expect(await login(user.email, user.password)).toBe(200)
  await removeExpiredIdentityRows()
  expect(await resetsOf(user.id)).toEqual([])
})

test('several links live beside each other, and end together when one is used', async () => {
  const user = await registerUser('Impatient')
  await ask(user.email)
  const first = await nextToken(user.email)
  await ask(user.email)
  const second = await nextToken(user.email)
  expect(first).not.toBe(second)
  expect((await confirm(first)).status).toBe(200)
  expect((await confirm(second)).status).toBe(422)
})

test('of racing uses of one link one wins', async () => {
  const user = await registerUser('Doubleclick')
  await ask(user.email)
  const token = await nextToken(user.email)
  const answers = await Promise.all(['the left password', 'the right password', 'the middle password'].map((password) => confirm(token, password)))
  expect(answers.map((answer) => answer.status).sort()).toEqual([200, 422, 422])
})

test('a change of the password or of the e-mail ends the links that are under way', async () => {
  const user = await registerUser('Changeable')
  await ask(user.email)
  const first = await nextToken(user.email)
  expect((await user.api.patch('/users/password', { currentPassword: user.password, newPassword: 'remembered at last' })).status).toBe(200)
  expect((await confirm(first)).status).toBe(422)
  await ask(user.email)
  const second = await nextToken(user.email)
  const email = `${unique('changed')}@zipzap.test`
  expect((await user.api.patch('/users/email', { email, currentPassword: 'remembered at last' })).status).toBe(200)
  expect((await confirm(second)).status).toBe(422)
})

test('wrong fields are named, and a wrong token changes nothing', async () => {
  expect(detailPaths(await ask('no-address'))).toEqual(['email'])
  expect(detailPaths(await api.post('/auth/password-reset', { email: 'a@zipzap.test', name: 'x' }))).toEqual(['name'])
  expect(detailPaths(await confirm('x'.repeat(43), 'short'))).toEqual(['newPassword'])
  expect(detailPaths(await api.post('/auth/password-reset/confirm', {}))).toEqual(['newPassword', 'token'])
  const wrong = await confirm('x'.repeat(43))
  expect([wrong.status, detailPaths(wrong)]).toEqual([422, ['token']])
  expect((await api.get('/auth/password-reset')).status).toBe(405)
  expect((await api.post('/auth/password-reset?token=abc', { email: 'a@zipzap.test' })).code).toBe('credential_in_url')
})

test('a token that belongs to no account opens nothing', async () => {
  await db
    .insert(passwordResets)
    .values({ id: Bun.randomUUIDv7(), tokenHash: hashToken('t'.repeat(43)), account: '', address: '', expiresAt: sql`now() + interval '1 hour'` })
  expect((await confirm('t'.repeat(43))).status).toBe(422)
})

test('one account gets five mails in a quarter of an hour, whoever asks, and every answer is the same', async () => {
  const user = await registerUser('Bombed')
  const send = await appWith({ RATE_LIMIT_RPS: '100' })
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) => send('POST', '/auth/password-reset', { body: { email: user.email }, peer: `198.51.100.${index}` })),
  )
  expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1)
  for (let mail = 0; mail < 5; mail++) await nextToken(user.email)
  await closeMail()
  await configureMail(loadConfig({ SMTP_URL: sink.url }))
  expect(sink.mails.filter((mail) => mail.to.includes(user.email))).toHaveLength(5)
})

test('one address may ask fifty times in a quarter of an hour; another is not held up', async () => {
  const send = await appWith({ RATE_LIMIT_RPS: '100' })
  const from = (peer: string) => send('POST', '/auth/password-reset', { body: { email: `${unique('guess')}@zipzap.test` }, peer })
  const answers = await Promise.all(Array.from({ length: 53 }, () => from('203.0.113.7')))
  expect(answers.map((answer) => answer.status).sort()).toEqual([...Array(50).fill(200), 429, 429, 429])
  const refused = await from('203.0.113.7')
  expect([refused.status, refused.code]).toEqual([429, 'rate_limited'])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(600)
  expect((await from('203.0.113.8')).status).toBe(200)
})

test('who has a new password is not held up by failed sign-ins with the old one', async () => {
  const user = await registerUser('Lockedout')
  const send = await appWith({ RATE_LIMIT_RPS: '100' })
  const signIn = async (password: string) => (await send('POST', '/auth/login', { body: { email: user.email, password } })).status
  const peer = '192.0.2.77'
  const failures = await Promise.all(
    Array.from({ length: 10 }, () => send('POST', '/auth/login', { body: { email: user.email, password: 'no longer known' }, peer })),
  )
  expect(new Set(failures.map((answer) => answer.status))).toEqual(new Set([401]))
  expect((await send('POST', '/auth/login', { body: { email: user.email, password: user.password }, peer })).status).toBe(429)
  await send('POST', '/auth/password-reset', { body: { email: user.email }, peer })
  const token = await nextToken(user.email)
  await send('POST', '/auth/password-reset/confirm', { body: { token, newPassword: 'a brand new password' }, peer })
  expect((await send('POST', '/auth/login', { body: { email: user.email, password: 'a brand new password' }, peer })).status).toBe(200)
  expect(await signIn(user.password)).toBe(401)
})
