import { afterEach, expect, test } from 'bun:test'
import { connect } from 'node:net'
import postgres from 'postgres'
import { observeCommits } from '~/db/events'
import type { Answer } from './support/api'
import { followLog } from './support/log'
import { testServer } from './support/server'
import { createProduct, createWorld, unique, type World } from './support/world'

afterEach(() => observeCommits(undefined))

const orderOf = (productId: string, over: object = {}) => ({ type: 'pickup', items: [{ productId, quantity: 1 }], ...over })

const post = (world: World, body: object, key: string) => world.staff.api.post(`${world.path}/orders`, body, { headers: { 'Idempotency-Key': key } })

/** What two answers under one key have in common: all but the request's own id and that the second is a replay. */
const told = ({ status, body, headers }: Answer) => ({
  status,
  body,
  etag: headers.get('etag'),
  position: headers.get('x-stream-position'),
})

test('one key sent 20 times at once makes one order and one event, and 20 equal answers', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const logged = await followLog(world.stream)
  const key = unique('key')
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(world, orderOf(product.id), key)))
  const [first] = answers
  if (!first) throw new Error('nothing was answered')
  expect(told(first)).toMatchObject({ status: 201, etag: '"1"', position: expect.stringContaining(world.stream) })
  for (const answer of answers) expect(told(answer)).toEqual(told(first))
  expect(answers.filter((answer) => answer.headers.get('idempotent-replayed') === 'true')).toHaveLength(19)
  expect((await logged()).map((event) => event.subjectId)).toEqual([first.data.id])
  expect((await world.staff.api.get(`${world.path}/orders`)).data).toEqual([first.data])
})

test('20 keys at once, each sent twice, make 20 orders whose numbers have no gaps', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const keys = Array.from({ length: 20 }, () => unique('key'))
  const answers = await Promise.all([...keys, ...keys].map((key) => post(world, orderOf(product.id), key)))
  expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 201))
  for (const [index] of keys.entries()) expect(answers[index]?.data).toEqual(answers[index + 20]?.data)
  const numbers = new Set(answers.map((answer) => Number(answer.data.orderNumber)))
  expect([...numbers].sort((a, b) => a - b)).toEqual(keys.map((_, index) => 1001 + index))
})

/** Sends a request on a bare connection, and what comes back goes nowhere. */
async function sendAndVanish(world: World, body: object, key: string) {
  const { port } = await testServer()
  const text = JSON.stringify(body)
  const lines = [
    `POST /api/v1${world.path}/orders HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${world.staff.token}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    `Idempotency-Key: ${key}`,
  ]
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk.toString()
  })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const committed = new Promise<string>((resolve) => {
    observeCommits((events) => {
      if (events[0]?.stream !== world.stream) return
      socket.destroy()
      resolve(events[0].subjectId ?? '')
    })
  })
  socket.write(`${lines.join('\r\n')}\r\n\r\n${text}`)
  const orderId = await committed
  await closed
  return { orderId, received }
}

test('a client that lost the connection right after COMMIT repeats its request and hears of the order it has', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { stock: 1 })
  const logged = await followLog(world.stream)
  const key = unique('key')
  const body = orderOf(product.id, { customer: { firstName: 'Ada' } })
  const { orderId, received } = await sendAndVanish(world, body, key)
  expect(received).toBe('')
  const again = await post(world, body, key)
  expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true'])
  expect((await world.staff.api.get(`${world.path}/orders`)).data).toEqual([again.data])
  const events = await logged()
  expect(events.map((event) => event.type)).toEqual(['customer_created', 'order_created', 'product_updated'])
  expect([events[0]?.subjectId, events[1]?.subjectId]).toEqual([orderId, again.data.id])
  expect(again.headers.get('x-stream-position')).toEndWith(`:${events.at(-1)?.seq}`)
})

test('a refused request frees its key: the same one is judged anew, also with another body', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { stock: 0 })
  const key = unique('key')
  const refused = await Promise.all(Array.from({ length: 5 }, () => post(world, orderOf(product.id), key)))
  expect(refused.map((answer) => answer.code)).toEqual(refused.map(() => 'out_of_stock'))
  expect((await post(world, orderOf(product.id, { discount: -1 }), key)).status).toBe(422)
  await world.manager.api.patch(`${world.path}/products/${product.id}`, { stock: 5 })
  const made = await post(world, orderOf(product.id), key)
  expect([made.status, made.headers.get('idempotent-replayed'), made.data.orderNumber]).toEqual([201, null, '1001'])
  const other = await post(world, orderOf(product.id, { note: 'x' }), key)
  expect([other.status, other.code]).toEqual([422, 'idempotency_key_reused'])
})

test('a key belongs to its caller and path, and a caller who lost the right hears of that and not the answer', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const key = unique('key')
  const mine = await post(world, orderOf(product.id), key)
  const theirs = await world.manager.api.post(`${world.path}/orders`, orderOf(product.id), { headers: { 'Idempotency-Key': key } })
  expect([mine.data.orderNumber, theirs.data.orderNumber]).toEqual(['1001', '1002'])
  await world.owner.api.patch(`${world.path}/members/${world.staff.id}`, { role: 'kitchen' })
  expect((await post(world, orderOf(product.id), key)).status).toBe(403)
  await world.owner.api.delete(`${world.path}/members/${world.staff.id}`)
  expect((await post(world, orderOf(product.id), key)).status).toBe(404)
})

// The embedded database runs one transaction at a time, so nothing of it can wait for long.
const databaseUrl = process.env.TEST_DATABASE_URL
if (databaseUrl) {
  test('while the first request with a key is still running, a second one waits, and then hears that it is in progress', async () => {
    const world = await createWorld()
    const product = await createProduct(world)
    const key = unique('key')
    const sql = postgres(databaseUrl, { max: 1 })
    await sql
      .begin(async (tx) => {
        await tx`insert into idempotency_keys (user_id, path, key, body_hash)
          values (${world.staff.id}, ${`/api/v1${world.path}/orders`}, ${key}, 'of a request that never ends')`
        const second = await post(world, orderOf(product.id), key)
        expect([second.status, second.code]).toEqual([409, 'idempotency_in_progress'])
        throw new Error('rolled back')
      })
      .catch((error: Error) => expect(error.message).toBe('rolled back'))
    await sql.end()
    expect((await post(world, orderOf(product.id), key)).status).toBe(201)
  }, 20_000)
}
