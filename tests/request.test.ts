import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { loadConfig } from '~/utils/config'
import { clientAddress, isOwnOrigin, limitKey } from '~/utils/origin'
import { anonymous } from './support/api'
import { sendRaw } from './support/raw-http'
import { createProduct, createWorld, unique } from './support/world'

/** What holds for every request, whatever it asks for. */

const close = 'Connection: close\r\n\r\n'

describe('the URL and the Host', () => {
  test.each(['', '[', 'a b', '%%%', 'a/b', 'me@here', 'a,b', 'host:99999'])('a Host like "%s" is 400, in the envelope', async (host) => {
    for (const path of ['/api/v1/stores', '/nothing', '/ws']) {
      const { status, head, body } = await sendRaw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${close}`)
      const { error } = JSON.parse(body)
      expect([path, status, error.code]).toEqual([path, path === '/ws' && host === 'a,b' ? 426 : 400, 'bad_request'])
      expect(head).toContain(`x-request-id: ${error.requestId}`)
    }
  })

  test('two Hosts are 400', async () => {
    expect((await sendRaw(`GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n${close}`)).status).toBe(400)
  })

  test('a health check in HTTP/1.0, which knows no Host, is answered', async () => {
    const { status, body } = await sendRaw('GET /health/live HTTP/1.0\r\n\r\n')
    expect([status, JSON.parse(body).success]).toEqual([200, true])
  })

  test('a tunnel is refused', async () => {
    const { status, body } = await sendRaw(`CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: a\r\n${close}`)
    expect([status, JSON.parse(body).error.code]).toEqual([400, 'bad_request'])
  })
})

describe('OPTIONS', () => {
  test('a preflight of a page of ours is answered with what it may send', async () => {
    const headers = { Origin: 'http://localhost:5173', 'Access-Control-Request-Method': 'PATCH' }
    const answer = await (await anonymous()).request('OPTIONS', '/stores', { headers })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe('http://localhost:5173')
    expect(answer.headers.get('access-control-allow-methods')).toContain('PATCH')
    expect(answer.headers.get('vary')).toContain('Origin')
  })

  test('without asking as a preflight it is a method like others: 405 where there are routes, else 404', async () => {
    const api = await anonymous()
    const [known, unknown] = [await api.request('OPTIONS', '/stores'), await api.request('OPTIONS', '/nothing')]
    expect([known.status, known.code, known.headers.get('allow')]).toEqual([405, 'method_not_allowed', 'GET, HEAD, POST'])
    expect([unknown.status, unknown.code]).toEqual([404, 'not_found'])
  })
})

test('no answer of the API may be stored, refusals included', async () => {
  const api = await anonymous()
  const answers = await Promise.all([
    api.get('/users/profile'),
    api.get('/nothing'),
    api.get('/auth/session?token=x'),
    api.request('PUT', '/stores'),
    api.post('/auth/login', {}),
  ])
  expect(answers.map((answer) => [answer.status, answer.headers.get('cache-control')])).toEqual(
    [401, 404, 400, 405, 422].map((status) => [status, 'no-store']),
  )
})

describe('the size of a body', () => {
  const request = async (method: string, path: string, length: string, token: string) =>
    sendRaw(`${method} /api/v1${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${length}`)

  test('is judged with an answer in the envelope however large it is said to be', async () => {
    const { owner, path } = await createWorld()
    const { status, body } = await request('POST', `${path}/categories`, 'Content-Length: 99999999999\r\n\r\n{', owner.token)
    expect([status, JSON.parse(body).error.code]).toEqual([413, 'payload_too_large'])
  })

  test('is judged where no body is expected as well, by length and chunked', async () => {
    const { owner, path } = await createWorld()
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
    const lengths = ['Content-Length: 262145\r\n\r\n{', `Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}0\r\n\r\n`]
    for (const length of lengths) {
      const ticket = await request('POST', '/websocket/tickets', length, owner.token)
      const removal = await request('DELETE', `${path}/categories/${Bun.randomUUIDv7()}`, length, owner.token)
      expect([ticket.status, removal.status]).toEqual([413, 413])
    }
  })
})

describe('a wrong Idempotency-Key', () => {
  const wrongKey = { headers: { 'Idempotency-Key': 'two words' } }

  test('is listed with the wrong fields of the body', async () => {
    const { manager, path } = await createWorld()
    const answer = await manager.api.post(`${path}/categories`, { name: '', size: 1 }, wrongKey)
    expect(answer.status).toBe(422)
    expect(answer.body.error.details.map((detail: { path: string }) => detail.path)).toEqual(['Idempotency-Key', 'name', 'size'])
    const right = await manager.api.post(`${path}/categories`, { name: 'Drinks' }, wrongKey)
    expect([right.status, right.body.error.details[0].path]).toEqual([422, 'Idempotency-Key'])
    expect((await manager.api.get(`${path}/categories`)).data).toEqual([])
  })

  test('comes after the rights: 404 to a stranger, 403 without the role', async () => {
    const { stranger, kitchen, path } = await createWorld()
    expect((await stranger.api.post(`${path}/categories`, { name: 'x' }, wrongKey)).status).toBe(404)
    expect((await kitchen.api.post(`${path}/categories`, { name: 'x' }, wrongKey)).status).toBe(403)
  })
})

test('a cursor that nobody gave out is 400, however long, and whatever it holds', async () => {
  const world = await createWorld()
  await createProduct(world)
  // The checksum needs no secret, so that a client can make one that fits whatever it likes.
  const forged = (payload: string) => {
    const checksum = createHmac('sha256', 'zipzap.cursor.v1').update(`members ${world.storeId}\n${payload}`).digest().subarray(0, 12)
    return Buffer.concat([checksum, Buffer.from(payload)]).toString('base64url')
  }
  for (const payload of [`yesterday~${world.storeId}`, '2026-01-01T00:00:00.000Z~me', `2026-99-01T00:00:00.000Z~${world.storeId}`]) {
    const answer = await world.owner.api.get(`${world.path}/members?cursor=${forged(payload)}`)
    expect([answer.status, answer.code]).toEqual([400, 'invalid_cursor'])
  }
  for (const cursor of ['', 'x'.repeat(2000), '%00', unique('cursor')]) {
    const answer = await world.owner.api.get(`${world.path}/products?cursor=${cursor}`)
    expect([answer.status, answer.code]).toEqual([400, 'invalid_cursor'])
  }
})

test("a page on PORT is this host's own only where the hub has a port of its own", () => {
  const headers = new Headers({ Host: 'shop.test:9000' })
  const own = (environment: Record<string, string>) =>
    isOwnOrigin('https://shop.test:8000', headers, loadConfig({ NODE_ENV: 'production', PORT: '8000', ...environment }))
  expect([own({}), own({ WS_PORT: '9000' })]).toEqual([false, true])
})

test('wrong fields are told in words that fit beside a field, not in those of a validator', async () => {
  const { owner, path } = await createWorld()
  const answer = await owner.api.post(`${path}/orders`, {
    items: 5,
    customer: { firstName: 1 },
    tip: 1.5,
    discount: -1,
    requestedFor: 'soon',
    source: 'fax',
  })
  const told = answer.body.error.details.map((detail: { path: string; message: string }) => `${detail.path} ${detail.message}`).sort()
  expect(told).toEqual([
    'customer.firstName must be a string',
    'discount must be at least 0',
    'items must be a list',
    'requestedFor must be an ISO 8601 time like 2026-01-01T12:00:00.000Z',
    'source must be one of till, kiosk, web, phone',
    'tip must be a whole number',
    'type is required',
  ])
  const short = await (await anonymous()).post('/auth/register', { email: 'ann@zipzap.test', password: 'short', firstName: 'x'.repeat(121) })
  expect(short.body.error.details.map((detail: { message: string }) => detail.message)).toEqual([
    'must have at least 10 characters',
    'must have at most 120 characters',
  ])
})

describe('behind proxies', () => {
  const behind = (hops: number) => loadConfig({ NODE_ENV: 'production', TRUST_PROXY: String(hops) })

  test('the Host and the client are those that the outermost trusted proxy wrote, in lists too', () => {
    const headers = new Headers({ Host: 'inner', 'X-Forwarded-Host': 'forged.test, shop.test', 'X-Forwarded-For': '9.9.9.9, 192.0.2.7' })
    const own = (origin: string, hops: number) => isOwnOrigin(origin, headers, behind(hops))
    expect([own('https://shop.test', 1), own('https://forged.test', 1), own('https://inner', 1), own('https://forged.test', 2)]).toEqual([
      true,
      false,
      false,
      true,
    ])
    expect([clientAddress(headers, 'peer', behind(1)), clientAddress(headers, 'peer', behind(0))]).toEqual(['192.0.2.7', 'peer'])
  })

  test('a proxy that says nothing leaves the Host and the peer as they are', () => {
    const headers = new Headers({ Host: 'shop.test', 'X-Forwarded-For': '' })
    expect(clientAddress(headers, 'peer', behind(1))).toBe('peer')
    expect(isOwnOrigin('https://shop.test', headers, behind(1))).toBe(true)
  })

  test('a port beside the address makes no other client', () => {
    expect(['192.0.2.7:5001', '[2001:db8::1]:443', '2001:db8::2', '::ffff:192.0.2.7'].map(limitKey)).toEqual([
      '192.0.2.7',
      '2001:db8:0:0::/64',
      '2001:db8:0:0::/64',
      '192.0.2.7',
    ])
  })
})

test('a long answer has its length and comes whole, like a short one', async () => {
  const world = await createWorld()
  const description = 'é€'.repeat(500)
  for (let made = 0; made < 12; made++) await createProduct(world, { description })
  for (const limit of [1, 12]) {
    const { headers, body, data } = await world.owner.api.get(`${world.path}/products?limit=${limit}`)
    const length = String(Buffer.byteLength(JSON.stringify(body)))
    expect([headers.get('content-length'), headers.get('transfer-encoding')]).toEqual([length, null])
    expect(data).toHaveLength(limit)
  }
})
