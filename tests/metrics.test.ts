import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { resolve } from 'node:path'
import { errorCodes } from '~/utils/errors'
import type { ApiClient } from './support/api'
import { ControlledServer } from './support/controlled'
import { unheardOf } from './support/log'
import { printedByServers } from './support/printed'
import { opcodes, RawSocket } from './support/raw-socket'
import { Scrape } from './support/scrape'
import { askUpgrade } from './support/upgrade'

/** Each figure of `/metrics`, held against what this test itself has counted. */

setDefaultTimeout(20_000)

let server: ControlledServer
let api: ApiClient
let owner: { id: string; token: string }
let storeId: string
beforeAll(async () => {
  server = await ControlledServer.start({ WS_MAX_ANONYMOUS_PER_IP: '5', WS_ENCRYPTION_KEY: Buffer.alloc(32, 5).toString('base64') })
  const { data } = await server.api().post('/auth/register', { email: 'olga@zipzap.test', password: 'correct horse battery', firstName: 'Olga' })
  owner = { id: data.user.id, token: data.token }
  api = server.api(owner.token)
  storeId = (await api.post('/stores', { name: 'Corner' })).data.id
}, 60_000)
afterAll(() => server.stop())

const look = () => Scrape.of(server.origin.base)
const stream = () => `store:${storeId}`

/** A socket that keeps the text of what came. */
class Listener {
  readonly texts: string[] = []
  readonly closed = Promise.withResolvers<number>()
  private waiting: { fits(text: string): boolean; resolve(text: string): void }[] = []
  socket: RawSocket | undefined

  static async open(token?: string): Promise<Listener> {
    const listener = new Listener()
    const handlers = { onText: (text: string) => listener.take(text), onClose: (code: number) => listener.closed.resolve(code) }
    listener.socket = await RawSocket.open(server.port, handlers, token ? { Authorization: `Bearer ${token}` } : {})
    await listener.next((text) => text.includes('Connected to ZipZap'))
    return listener
  }

  static async join(resume?: object): Promise<Listener> {
    const listener = await Listener.open(owner.token)
    listener.socket?.send({ type: 'authenticate', data: { userId: owner.id, storeId, ...(resume && { resume: { [stream()]: resume } }) } })
    await listener.next((text) => text.includes('"live":true'))
    return listener
  }

  next(fits: (text: string) => boolean): Promise<string> {
    const known = this.texts.find(fits)
    return known ? Promise.resolve(known) : new Promise((resolve) => this.waiting.push({ fits, resolve }))
  }

  /** Sends and closes; answers the code. */
  async endBy(send: (socket: RawSocket) => void): Promise<number> {
    if (this.socket) send(this.socket)
    return this.closed.promise
  }

  private take(text: string): void {
    this.texts.push(text)
    for (const { fits, resolve } of this.waiting) if (fits(text)) resolve(text)
  }
}

const notify = async (message: string) => {
  const { status } = await api.post(`/stores/${storeId}/notifications`, { message, level: 'info' })
  expect(status).toBe(201)
}
const goodbye = (listener: Listener) => listener.endBy((socket) => socket.close())

/** Looks until it is so: the process counts a moment after the socket was told. */
async function until(isSo: (scrape: Scrape) => boolean): Promise<Scrape> {
  for (;;) {
    const scrape = await look()
    if (isSo(scrape)) return scrape
    await Bun.sleep(20)
  }
}

test('connections are the open sockets, by state', async () => {
  const sockets = [await Listener.join(), await Listener.join(), await Listener.join(), await Listener.open(), await Listener.open()]
  const open = await look()
  expect([open.value('zipzap_ws_connections', { state: 'authenticated' }), open.value('zipzap_ws_connections', { state: 'anonymous' })]).toEqual([
    3, 2,
  ])
  expect(open.value('zipzap_ws_streams')).toBeGreaterThanOrEqual(2)
  await Promise.all(sockets.map(goodbye))
  const none = await until((scrape) => scrape.value('zipzap_ws_connections') === 0)
  expect(none.value('zipzap_ws_connections')).toBe(0)
})

test('closes are counted by the code that the server gave', async () => {
  const before = await look()
  const codes = [
    await (await Listener.open()).endBy((socket) => socket.sendFrame(opcodes.binary, Buffer.from('x'))),
    await (await Listener.open()).endBy((socket) => socket.send({ type: 'ping', data: { padding: 'x'.repeat(17_000) } })),
    await (await Listener.open()).endBy((socket) => {
      for (let frame = 0; frame < 10; frame++) socket.sendFrame(opcodes.text, Buffer.from('{'))
    }),
    await (await Listener.open()).endBy((socket) => {
      for (let message = 0; message < 160; message++) socket.send({ type: 'ping' })
    }),
    await goodbye(await Listener.open()),
  ]
  expect(codes).toEqual([1003, 1009, 4400, 4429, 1000])
  const after = await until((scrape) => scrape.value('zipzap_ws_closes_total') - before.value('zipzap_ws_closes_total') === 5)
  const counted = codes.map(
    (code) => after.value('zipzap_ws_closes_total', { code: String(code) }) - before.value('zipzap_ws_closes_total', { code: String(code) }),
  )
  expect(counted).toEqual([1, 1, 1, 1, 1])
})

test('deliveries and their bytes are what the sockets got', async () => {
  const sockets = [await Listener.join(), await Listener.join(), await Listener.join()]
  const before = await look()
  for (const message of ['One', 'Zwei – mit Ümläuten', 'Three']) await notify(message)
  await Promise.all(sockets.map((socket) => socket.next((text) => text.includes('Three'))))
  const events = sockets.flatMap((socket) => socket.texts.filter((text) => text.includes('"notificationId"')))
  const after = await until((scrape) => scrape.value('zipzap_ws_deliveries_total') - before.value('zipzap_ws_deliveries_total') >= events.length)
  expect(events).toHaveLength(9)
  expect(after.value('zipzap_ws_deliveries_total') - before.value('zipzap_ws_deliveries_total')).toBe(9)
  const bytes = events.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  expect(after.value('zipzap_ws_delivered_bytes_total') - before.value('zipzap_ws_delivered_bytes_total')).toBe(bytes)
  // Three events left in at most three flushes; each was timed once.
  expect(after.value('zipzap_ws_commit_to_send_seconds_count') - before.value('zipzap_ws_commit_to_send_seconds_count')).toBe(3)
  const seconds = after.value('zipzap_ws_commit_to_send_seconds_sum') - before.value('zipzap_ws_commit_to_send_seconds_sum')
  expect(seconds >= 0 && seconds < 5).toBe(true)
  await Promise.all(sockets.map(goodbye))
})

test('the log counts the events that it took, and times each append', async () => {
  const [rows, before] = [await server.sql<{ count: number }>('select count(*)::int as count from events'), await look()]
  const { data: product } = await api.post(`/stores/${storeId}/products`, { name: 'Ramen', price: 1, stock: 5 })
  // Two events, one append.
  await api.post(`/stores/${storeId}/orders`, { type: 'pickup', items: [{ productId: product.id, quantity: 1 }] })
  // Refused: neither.
  await api.post(`/stores/${storeId}/products`, { name: '' })
  const [after, later] = [await look(), await server.sql<{ count: number }>('select count(*)::int as count from events')]
  const logged = (later[0]?.count ?? 0) - (rows[0]?.count ?? 0)
  expect([logged, after.value('zipzap_log_appended_total') - before.value('zipzap_log_appended_total')]).toEqual([3, 3])
  expect(after.value('zipzap_log_append_seconds_count') - before.value('zipzap_log_append_seconds_count')).toBe(2)
})

test('resumes are counted by result and reason', async () => {
  const reasons = ['', 'epoch_changed', 'ahead', 'expired', 'too_far']
  const counted = (scrape: Scrape) => reasons.map((reason) => scrape.value('zipzap_ws_resumes_total', { result: reason ? 'no' : 'yes', reason }))
  await notify('Something to resume from')
  const [head] = await server.sql<{ epoch: string; seq: number }>(`select epoch, last_seq::int as seq from streams where stream = '${stream()}'`)
  const { epoch = '', seq = 0 } = head ?? {}
  const before = counted(await look())
  const positions = [
    { epoch, seq: seq - 1 },
    { epoch, seq },
    { epoch: 'other', seq: 1 },
    { epoch, seq: seq + 5 },
  ]
  for (const position of positions) await goodbye(await Listener.join(position))
  await server.sql(`update streams set pruned_seq = last_seq - 1 where stream = '${stream()}'`)
  await goodbye(await Listener.join({ epoch, seq: 0 }))
  await goodbye(await Listener.join())
  const after = counted(await look())
  expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([2, 1, 1, 1, 0])
})

test('refusals are counted by reason, of upgrades as of messages', async () => {
  const before = await look()
  await askUpgrade(server.origin.base, { Authorization: 'Bearer dead' })
  await askUpgrade(server.origin.base, { Origin: 'https://evil.example' })
  const socket = await Listener.open()
  const ask = async (message: object) => {
    socket.socket?.send({ id: 'x', ...message })
    await socket.next((text) => text.includes(`"replyTo":"${'id' in message ? message.id : 'x'}"`))
  }
  await ask({ id: 'a', type: 'authenticate', data: { userId: owner.id } })
  await ask({ id: 'b', type: 'subscribe', data: { storeId } })
  await ask({ id: 'c', type: 'subscribe', data: { trackingToken: 'x'.repeat(32) } })
  socket.socket?.sendFrame(opcodes.text, Buffer.from('{"type":"nonsense","id":"d"}'))
  await socket.next((text) => text.includes('"replyTo":"d"'))
  await goodbye(socket)
  const after = await look()
  const change = (reason: string) => after.value('zipzap_ws_rejected_total', { reason }) - before.value('zipzap_ws_rejected_total', { reason })
  expect(['unauthorized', 'forbidden', 'not_found', 'unknown_type'].map(change)).toEqual([3, 1, 1, 1])
})

test('requests that failed are counted by the code of their error, and the others are not', async () => {
  const before = await look()
  const [stranger, dead] = [server.api(), server.api('dead')]
  const login = { email: 'olga@zipzap.test', password: 'incorrect horse battery' }
  const foreign = { Cookie: `zipzap_session=${owner.token}`, Origin: 'https://evil.example' }
  const answers = [
    await stranger.get('/auth/session'),
    await dead.get('/auth/session'),
    await stranger.post('/auth/login', login),
    await stranger.post('/auth/register', { ...login, firstName: 'Olga' }),
    await stranger.post('/stores', {}, { headers: foreign }),
    await api.get(`/stores/${crypto.randomUUID()}`),
    await api.get('/nowhere'),
    await api.get('/stores?token=x'),
    await api.get(`/stores/${storeId}/orders?cursor=nonsense`),
    await api.request('PUT', '/stores', { body: {} }),
    await api.post('/stores', { name: 'x'.repeat(300_000) }),
    await api.post('/stores', {}, { headers: { 'Content-Type': 'text/plain' } }),
    await api.post('/stores', undefined, { rawBody: '{' }),
    await api.post('/stores', { name: '' }),
    await api.get('/stores'),
  ]
  const codes = answers.map(({ code }) => code)
  const truth = Map.groupBy(
    codes.filter((code) => code !== undefined),
    String,
  )
  expect(truth.size).toBe(12)
  const after = await look()
  const name = 'zipzap_rest_rejected_total'
  const changed = after.samples
    .filter((sample) => sample.name === name)
    .map(({ labels: { reason = '' }, value }): [string, number] => [reason, value - before.value(name, { reason })])
  expect(Object.fromEntries(changed.filter(([, count]) => count > 0))).toEqual(
    Object.fromEntries([...truth].map(([code, all]) => [code, all.length])),
  )
  // One series for each code that there is, from the start; a path or a header of a stranger adds none.
  expect(changed.map(([reason]) => reason).sort()).toEqual([...errorCodes].sort())
})

test('a fault of ours is answered with nothing of the inside, counted, and told to the log with its stack', async () => {
  const before = await look()
  await server.sql('alter table categories rename to mislaid')
  const failed = await api.get(`/stores/${storeId}/categories`, { headers: { 'X-Request-Id': 'mislaid-1' } })
  await server.sql('alter table mislaid rename to categories')
  expect([failed.status, failed.body]).toEqual([
    500,
    { success: false, data: null, message: 'Something went wrong on our side', error: { code: 'internal', requestId: 'mislaid-1' } },
  ])
  expect((await api.get(`/stores/${storeId}/categories`)).status).toBe(200)
  const after = await look()
  const reason = { reason: 'internal' }
  expect(after.value('zipzap_rest_rejected_total', reason) - before.value('zipzap_rest_rejected_total', reason)).toBe(1)
  const line = printedByServers()
    .toString()
    .split('\n')
    .find((text) => text.includes('mislaid-1') && text.includes('request failed'))
  expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 50, method: 'GET', route: '/api/v1/stores/:storeId/categories' })
  expect(line).toContain('"code":"42P01"')
})

test('what the log holds and no news told of is found, and is the lag by then', async () => {
  const socket = await Listener.join()
  const before = await look()
  let rounds = 0
  let lag = 0
  // The figure is that of the last comparison, of which there is one a second: a slow machine may miss it.
  while (lag === 0 && rounds < 5) {
    rounds += 1
    await server.sql(unheardOf(storeId, `unheard ${rounds}`))
    const found = await until(
      (scrape) => scrape.value('zipzap_ws_reconcile_found_total') === before.value('zipzap_ws_reconcile_found_total') + rounds,
    )
    lag = found.value('zipzap_ws_lag_events')
    await socket.next((text) => text.includes(`unheard ${rounds}.3`))
  }
  expect([before.value('zipzap_ws_lag_events'), lag]).toEqual([0, 3])
  // The next comparison finds nothing.
  const later = await until((scrape) => scrape.value('zipzap_ws_lag_events') === 0)
  expect(later.value('zipzap_ws_reconcile_found_total') - before.value('zipzap_ws_reconcile_found_total')).toBe(rounds)
  await goodbye(socket)
})

test('a sealed event that was tampered with is refused and counted', async () => {
  const before = await look()
  const { data: customer } = await api.post(`/stores/${storeId}/customers`, { firstName: 'Ada', phone: '+49 171 5550199' })
  const where = `stream = '${stream()}' and subject_id = '${customer.id}'`
  const [row] = await server.sql<{ seq: number; sealed: string; enc: { kid: string; iv: string }; id: string }>(
    `select seq::int as seq, data->>'sealed' as sealed, enc, id from events where ${where}`,
  )
  const { seq = 0, sealed = '', enc = { kid: '', iv: '' }, id = '' } = row ?? {}
  const read = async () => (await api.get(`/stores/${storeId}/events?after=${seq - 1}`)).code
  expect(await read()).toBeUndefined()
  const flipped = (text: string) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1)
  const tampered = [
    `data = json_build_object('sealed', '${flipped(sealed)}')`,
    `enc = '${JSON.stringify({ ...enc, iv: flipped(enc.iv) })}'`,
    `enc = '${JSON.stringify({ ...enc, kid: enc.kid.replace(/\.\d+$/, '.7') })}'`,
    // The additional data: the same text under another id.
    `id = gen_random_uuid()`,
  ]
  for (const change of tampered) {
    await server.sql(`update events set ${change} where ${where}`)
    expect([change, await read()]).toEqual([change, 'position_expired'])
    await server.sql(`update events set data = json_build_object('sealed', '${sealed}'), enc = '${JSON.stringify(enc)}', id = '${id}' where ${where}`)
  }
  expect(await read()).toBeUndefined()
  const after = await look()
  expect(after.value('zipzap_sealed_refused_total') - before.value('zipzap_sealed_refused_total')).toBe(4)
})

test('the relay is up where there is nobody else to hear of', async () => {
  expect((await look()).value('zipzap_relay_up')).toBe(1)
})

test('each figure of ours is explained to operators', async () => {
  const guide = await Bun.file(resolve(import.meta.dir, '../docs/operations.md')).text()
  const names = new Set((await look()).samples.map(({ name }) => name.replace(/_(bucket|count|sum)$/, '')))
  expect([...names].filter((name) => name.startsWith('zipzap_') && !guide.includes(`\`${name}\``))).toEqual([])
})
