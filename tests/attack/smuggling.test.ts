import { expect, test } from 'bun:test'
import { house } from './house'
import { exchange, hang, head } from './raw'

/** One request that two parsers read as two, several Hosts, and clients that take their time. */

const hidden = 'GET /api/v1/websocket/stats HTTP/1.1\r\nHost: x\r\n\r\n'

/** What came of a request that hides another one: at most one answer may come, and none of the hidden one. */
async function smuggle(headers: Record<string, string | null>, body: string) {
  const { port } = await house()
  const { statuses, text } = await exchange(port, head(port, 'POST /api/v1/auth/login HTTP/1.1', headers) + body)
  return { count: statuses.length, isRefused: (statuses[0] ?? 400) >= 400, isLeaked: text.includes('statistics retrieved') }
}

const refused = { isRefused: true, isLeaked: false }

test('a length beside chunks does not hide a request', async () => {
  const answer = await smuggle({ 'Content-Length': '6', 'Transfer-Encoding': 'chunked' }, `0\r\n\r\n${hidden}`)
  expect(answer).toMatchObject(refused)
})

test('a veiled Transfer-Encoding does not hide a request', async () => {
  for (const encoding of ['xchunked', 'chunked, identity', ' chunked', 'chunked\x0b', 'identity, chunked, chunked']) {
    const answer = await smuggle({ 'Content-Length': String(hidden.length), 'Transfer-Encoding': encoding }, hidden)
    expect([encoding, answer.isRefused, answer.isLeaked]).toEqual([encoding, true, false])
  }
})

test('two lengths do not hide a request', async () => {
  const { port } = await house()
  const lines = `POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 0\r\nContent-Length: ${hidden.length}\r\nConnection: close\r\n\r\n`
  const { statuses, text } = await exchange(port, lines + hidden)
  expect(statuses[0] ?? 400).toBeGreaterThanOrEqual(400)
  expect(text).not.toContain('statistics retrieved')
})

test('a chunk of a size that is none is refused', async () => {
  for (const size of ['-1', 'zz', '0x10', 'ffffffffffffffff1']) {
    const answer = await smuggle({ 'Transfer-Encoding': 'chunked', 'Content-Type': 'application/json' }, `${size}\r\n{}\r\n0\r\n\r\n`)
    expect([size, answer.isRefused]).toEqual([size, true])
  }
})

test('a header with a line break inside adds no header', async () => {
  const { port } = await house()
  const { text } = await exchange(port, head(port, 'GET /api/v1/auth/session HTTP/1.1', { 'X-Request-Id': 'a\nSet-Cookie: evil=1' }))
  expect(text.toLowerCase()).not.toContain('\nset-cookie: evil')
})

test('two Hosts are refused', async () => {
  const { port } = await house()
  const { status } = await exchange(port, `GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n`)
  expect(status).toBe(400)
})

test('a Host that is none is refused, so that no link is built from it', async () => {
  const { port } = await house()
  for (const host of ['evil.example/path', 'a b', 'user@evil.example', 'evil.example:99999', '[']) {
    const { status } = await exchange(port, head(port, 'GET /api/v1/auth/session HTTP/1.1', { Host: host }))
    expect([host, status]).toEqual([host, 400])
  }
})

test('headers of a megabyte are refused', async () => {
  const { port } = await house()
  const { status } = await exchange(port, head(port, 'GET /health/live HTTP/1.1', { 'X-Long': 'x'.repeat(1_000_000) }))
  expect(status === 0 || status >= 400).toBe(true)
})

test('three hundred clients that never finish their headers keep nobody waiting', async () => {
  const { port, nobody } = await house()
  const slow = await Promise.all(Array.from({ length: 300 }, () => hang(port, 'GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ')))
  const startedAt = performance.now()
  expect((await nobody.get('/health/live')).status).toBe(200)
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  for (const socket of slow) socket.destroy()
})

test('a hundred clients that never finish their bodies keep nobody waiting', async () => {
  const { port, ours } = await house()
  const open = head(port, `POST /api/v1${ours.path}/orders HTTP/1.1`, {
    Authorization: `Bearer ${ours.kiosk.token}`,
    'Content-Type': 'application/json',
    'Content-Length': '1000',
  })
  const slow = await Promise.all(Array.from({ length: 100 }, () => hang(port, `${open}{"type":`)))
  expect((await ours.staff.api.get(`${ours.path}/orders/${ours.orderId}`)).status).toBe(200)
  for (const socket of slow) socket.destroy()
})

test('a client that never finishes its headers is let go', async () => {
  const { port } = await house()
  const socket = await hang(port, 'GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ')
  // Bun's own limit is ten seconds of silence, nginx's a minute.
  const closed = new Promise<boolean>((resolve) => socket.once('close', () => resolve(true)))
  socket.resume()
  expect(await closed).toBe(true)
}, 90_000)
