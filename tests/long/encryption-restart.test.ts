import { afterAll, beforeAll, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiClient, positionOf } from '../support/api'
import { spawnServer } from '../support/process'
import { openFrame } from '../support/sealed'
import { TestSocket } from '../support/socket'

let cwd = ''
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'zipzap-encryption-'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const newKey = () => randomBytes(32).toString('base64')

test('a restart with a new key in front of the old one: the new one seals, and what the old one sealed still opens', async () => {
  const [oldKey, key] = [newKey(), newKey()]
  let token = ''
  let userId = ''
  let storeId = ''
  const start = async (keys: string[]) => {
    const server = await spawnServer(cwd, { WS_ENCRYPTION_KEY: keys.join(',') })
    const signedIn = (bearer: string) => new ApiClient(server.api.server, bearer)
    return { ...server, signedIn, as: signedIn(token), url: `${server.base.replace('http', 'ws')}/ws` }
  }
  const createCustomer = (api: ApiClient, firstName: string) => api.post(`/stores/${storeId}/customers`, { firstName })

  const first = await start([oldKey])
  const registered = await first.api.post('/auth/register', { email: 'keys@zipzap.test', password: 'correct horse battery', firstName: 'Kay' })
  token = registered.data.token
  userId = registered.data.user.id
  storeId = (await first.signedIn(token).post('/stores', { name: 'Keys' })).data.id
  const created = await createCustomer(first.signedIn(token), 'Before')
  const { epoch, seq } = positionOf(created, `store:${storeId}`)
  expect(await first.end('SIGTERM')).toBe(0)

  const second = await start([key, oldKey])
  await createCustomer(second.as, 'After')
  const socket = await TestSocket.open({ token, url: second.url })
  const answer = await socket.authenticate({ userId, storeId, resume: { [`store:${storeId}`]: { epoch, seq: seq - 1 } } })
  const frames = socket.all('customer_created')
  expect(new Set(frames.map((frame) => frame.enc.kid)).size).toBe(2)
  const names = await Promise.all(frames.map(async (frame) => (await openFrame(frame, answer.keys)).customer.firstName))
  expect(names).toEqual(['Before', 'After'])
  expect((await second.as.get(`/stores/${storeId}/events`)).data.map((event: { data: { customerName: string } }) => event.data.customerName)).toEqual(
    ['Before', 'After'],
  )
  socket.close()
  expect(await second.end('SIGTERM')).toBe(0)

  for (const { output } of [first, second]) for (const secret of [oldKey, key]) expect(output()).not.toContain(secret)
}, 60_000)
