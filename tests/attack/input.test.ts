import { expect, test } from 'bun:test'
import { fresh, house, limits, must } from './house'
import { exchange, head } from './raw'

/** What a stranger types, pastes and pipes into a request. */

const nameOf = async (name: unknown, more: object = {}) => {
  const { ours } = await house()
  return ours.manager.api.post(`${ours.path}/products`, { name, price: 1, ...more })
}

test('NUL characters are refused', async () => {
  expect((await nameOf('soup\u0000')).status).toBe(422)
})

test('halves of characters are refused', async () => {
  const { ours } = await house()
  const answer = await ours.manager.api.request('POST', `${ours.path}/products`, { rawBody: '{"name":"soup\\ud800","price":1}' })
  expect(answer.status).toBe(422)
})

test('names of nothing but spaces, and of a novel’s length, are refused', async () => {
  expect([(await nameOf('   ')).status, (await nameOf('x'.repeat(121))).status]).toEqual([422, 422])
})

test('a link that would run as script is refused', async () => {
  const links = ['javascript:alert(1)', 'data:text/html,<script>', 'file:///etc/passwd', ' javascript:alert(1)']
  expect((await Promise.all(links.map(async (imageUrl) => (await nameOf('Soup', { imageUrl })).status))).filter((status) => status !== 422)).toEqual(
    [],
  )
})

test('an address that would add a header or a receiver to a mail is refused', async () => {
  const { nobody } = await house()
  const addresses = ['a@zipzap.test\r\nBcc: b@zipzap.test', 'a@zipzap.test, b@zipzap.test', '<a@zipzap.test>', 'a b@zipzap.test', 'a@zipzap.test;b']
  for (const email of addresses) {
    const asked = [
      await nobody.post('/auth/register', { email, password: 'correct horse battery', firstName: 'Ann' }),
      await nobody.post('/auth/password-reset', { email }),
    ]
    expect([email, ...asked.map(({ status }) => status)]).toEqual([email, 422, 422])
  }
})

test('quotes and comments of SQL are text like any other', async () => {
  const { ours } = await house()
  const names = ["'); drop table orders; --", '" or 1=1 --', '\\', '%', '_', '{{7*7}}']
  for (const name of names) expect(must(await nameOf(name)).name).toBe(name)
  const found = await Promise.all(names.map(async (name) => must(await ours.staff.api.get(`${ours.path}/products?q=${encodeURIComponent(name)}`))))
  expect(found.map((rows, index) => rows.every((row: { name: string }) => row.name.includes(names[index] ?? '')))).toEqual(names.map(() => true))
})

test('a search is for its characters, and no pattern', async () => {
  const { ours } = await house()
  for (const q of ['.*', '%%', '(a+)+$', '[a-z]']) {
    expect(must(await ours.staff.api.get(`${ours.path}/customers?q=${encodeURIComponent(q)}`))).toEqual([])
  }
})

test('a page of a million rows is refused', async () => {
  const { ours } = await house()
  for (const limit of ['1000000', '101', '0', '-1', '1e3', '']) {
    expect((await ours.staff.api.get(`${ours.path}/orders?limit=${limit}`)).status).toBe(422)
  }
  expect((await ours.staff.api.get(`${ours.path}/events?limit=1001`)).status).toBe(422)
})

test('a cursor that was forged is refused', async () => {
  const { ours } = await house()
  const payload = Buffer.from(`${'x'.repeat(12)}2020-01-01T00:00:00.000Z~${ours.orderId}`).toString('base64url')
  expect((await ours.staff.api.get(`${ours.path}/orders?cursor=${payload}`)).code).toBe('invalid_cursor')
})

test('an id that is none is a thing that does not exist', async () => {
  const { ours } = await house()
  const ids = ["'", '..%2f..%2fetc', '0', 'null', `${ours.orderId}%00`, ours.orderId.toUpperCase(), '%F0%9F%8D%9C']
  const statuses = await Promise.all(ids.map(async (id) => (await ours.staff.api.get(`${ours.path}/orders/${id}`)).status))
  // A NUL in a path is as far as nginx reads.
  expect(statuses).toEqual(ids.map((_, index) => (process.env.ATTACK_URL && index === 4 ? 400 : 404)))
})

test('a body may not name what nobody asked for, a prototype included', async () => {
  const { ours } = await house()
  const bodies = [
    '{"name":"X","price":1,"isAdmin":true}',
    '{"name":"X","price":1,"__proto__":{"isAdmin":true}}',
    '{"name":"X","price":1,"constructor":{}}',
  ]
  const post = async (rawBody: string) => (await ours.manager.api.request('POST', `${ours.path}/products`, { rawBody })).status
  expect(await Promise.all(bodies.map(post))).toEqual([422, 422, 422])
})

test('a query may not name what nobody asked for', async () => {
  const { ours } = await house()
  expect((await ours.staff.api.get(`${ours.path}/orders?storeId=${ours.storeId}&isAdmin=1`)).status).toBe(422)
})

test('a body that says it is larger than 256 KiB is refused unread', async () => {
  const { ours, port } = await house()
  const headers = { Authorization: `Bearer ${ours.manager.token}`, 'Content-Type': 'application/json', 'Content-Length': '300000' }
  const request = head(port, `POST /api/v1${ours.path}/products HTTP/1.1`, headers) + 'x'.repeat(300_000)
  expect((await exchange(port, request)).status).toBe(413)
})

test('a body that turns out larger than 256 KiB is refused', async () => {
  const { ours, port } = await house()
  const headers = { Authorization: `Bearer ${ours.manager.token}`, 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' }
  const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
  const request = `${head(port, `POST /api/v1${ours.path}/products HTTP/1.1`, headers) + chunk.repeat(5)}0\r\n\r\n`
  expect((await exchange(port, request)).status).toBe(413)
})

test('a compressed body, which could grow without measure, is refused', async () => {
  const { ours } = await house()
  const headers = { 'Content-Encoding': 'gzip', 'Content-Type': 'application/json' }
  const body = Bun.gzipSync(Buffer.from('{"name":"X","price":1}'))
  const response = await fetch(`${ours.owner.api.server.api}${ours.path}/products`, {
    method: 'POST',
    headers: { ...headers, Authorization: `Bearer ${ours.manager.token}` },
    body,
  })
  expect(response.status).toBe(415)
})

test('a form that another site could post is refused', async () => {
  const { ours } = await house()
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json; charset=utf-16']) {
    const answer = await ours.manager.api.request('POST', `${ours.path}/products`, {
      rawBody: '{"name":"X","price":1}',
      headers: { 'Content-Type': type },
    })
    expect([type, answer.status]).toEqual([type, 415])
  }
})

test('JSON that is none is told so, without its text', async () => {
  const { ours } = await house()
  for (const rawBody of ['{"name":', '{"name":"secret-text"', '', '{name:1}', "{'name':1}", 'NaN']) {
    const answer = await ours.manager.api.request('POST', `${ours.path}/products`, { rawBody })
    expect([answer.status, answer.code]).toEqual([400, 'malformed_json'])
    expect(JSON.stringify(answer.body)).not.toContain('secret-text')
  }
})

test('bytes that are no text are refused', async () => {
  const { ours } = await house()
  const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff, 0xfe]), Buffer.from('","price":1}')])
  const response = await fetch(`${ours.owner.api.server.api}${ours.path}/products`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${ours.manager.token}` },
    body,
  })
  expect(response.status).toBe(400)
})

test('a key that would break a header or a log line is refused', async () => {
  const { ours } = await house()
  const headers = { 'Idempotency-Key': 'x'.repeat(256) }
  expect((await ours.manager.api.post(`${ours.path}/products`, { name: 'X', price: 1 }, { headers })).status).toBe(422)
})

test('a request id that would forge a log line is replaced', async () => {
  const { nobody } = await house()
  for (const forged of ['a b', '{"level":50}', 'x'.repeat(129), 'a\tb', '<script>']) {
    const { headers } = await nobody.get('/auth/session', { headers: { 'X-Request-Id': forged } })
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  }
})

test('a list of more lines than an order may have is refused', async () => {
  const { ours } = await house()
  const items = Array.from({ length: 101 }, () => ({ productId: ours.productId, quantity: 1 }))
  expect((await ours.staff.api.post(`${ours.path}/orders`, { type: 'pickup', items })).status).toBe(422)
})

test('a flood of requests by one user is slowed down, and others are served', async () => {
  const { ours, nobody } = await house()
  const device = must(await ours.manager.api.post(`${ours.path}/devices`, { name: fresh('Flood'), role: 'kiosk' }))
  const headers = { Authorization: `Bearer ${device.token}` }
  const ask = () => nobody.get(`${ours.path}/categories`, { headers })
  const statuses: number[] = []
  while (!statuses.includes(429) && statuses.length < limits.requestsPerSecond * 20) {
    statuses.push(...(await Promise.all(Array.from({ length: 400 }, ask))).map(({ status }) => status))
  }
  expect(statuses).toContain(429)
  expect((await ours.staff.api.get(`${ours.path}/categories`)).status).toBe(200)
})

test('a method that no route has is refused by name', async () => {
  const { port, ours } = await house()
  for (const method of ['PUT', 'TRACE', 'PROPFIND']) {
    const { status } = await exchange(
      port,
      head(port, `${method} /api/v1${ours.path}/orders HTTP/1.1`, { Authorization: `Bearer ${ours.owner.token}` }),
    )
    expect([method, [400, 405].includes(status)]).toEqual([method, true])
  }
})

test('TRACE echoes nothing', async () => {
  const { port } = await house()
  const { status, text } = await exchange(port, head(port, 'TRACE / HTTP/1.1', { Cookie: 'secret=1' }))
  expect([405, 404]).toContain(status)
  expect(text).not.toContain('secret=1')
})

test('a request for another host is not passed on', async () => {
  const { port } = await house()
  const proxied = await exchange(port, head(port, 'CONNECT evil.example:443 HTTP/1.1', { Host: 'evil.example:443' }))
  expect(proxied.status).toBeGreaterThanOrEqual(400)
})

test('files of the server are not to be had by any path', async () => {
  const { port } = await house()
  const paths = [
    '/../package.json',
    '/..%2fpackage.json',
    '/console/assets/..%2f..%2f..%2fpackage.json',
    '/docs/..%2f..%2fpackage.json',
    '/.env',
    '/.git/config',
    '//etc/passwd',
  ]
  for (const path of paths) {
    const { text } = await exchange(port, head(port, `GET ${path} HTTP/1.1`))
    expect([path, /zipzap-api|root:|repositoryformatversion|DATABASE_URL=/.test(text)]).toEqual([path, false])
  }
})

test('an answer that fails says nothing of the inside', async () => {
  const { nobody, port } = await house()
  const { body } = await nobody.get('/nothing/here')
  expect(Object.keys(body.error).sort()).toEqual(['code', 'requestId'])
  const { text } = await exchange(port, head(port, 'GET /api/v1/auth/session HTTP/1.1'))
  expect(text).not.toMatch(/^(server: .*bun|x-powered-by)/im)
})
