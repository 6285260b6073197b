import { expect, test } from 'bun:test'
import { Connection, type Socket } from '~/realtime/connection'

/** A socket whose peer reads and answers pings when the test says so; the kernel takes everything. */

const boundBytes = 1024 * 1024
const windowBytes = 128 * 1024

function peer() {
  const texts: string[] = []
  const pings: string[] = []
  let closed: number | null = null
  const socket = {
    send: (text: string) => (closed === null ? texts.push(text) && text.length : 0),
    ping: (payload: string) => pings.push(payload),
    cork: (work: () => void) => work(),
    getBufferedAmount: () => 0,
    close: (code: number) => {
      closed = code
    },
  } as Partial<Socket> as Socket
  const connection = new Connection('127.0.0.1', null, boundBytes, () => {}, performance.now()).attach(socket)
  return {
    connection,
    pings,
    numbers: () => texts.map((text): number => JSON.parse(text).seq),
    bytes: () => texts.reduce((sum, text) => sum + text.length, 0),
    /** Answers the ping that came last. */
    answer: () => connection.handlePong(pings.at(-1) ?? 'none came'),
    closeCode: () => closed,
  }
}

const frame = (seq: number, bytes = 10_000) => JSON.stringify({ type: 'general_notification', data: { message: 'x'.repeat(bytes) }, seq })
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A peer that has answered the first ping. */
function reader() {
  const one = peer()
  one.connection.send(frame(0, 10))
  expect(one.answer()).toBeTrue()
  return one
}

test('what a peer has not read stays within its window, and the rest follows in order when it has', () => {
  const { connection, numbers, bytes, answer } = reader()
  for (let number = 1; number < 100; number++) connection.send(frame(number))
  expect(bytes()).toBeWithin(windowBytes - 10_100, windowBytes + 1)
  expect(connection.bufferedBytes).toBeGreaterThan(700_000)
  for (let answers = 0; connection.bufferedBytes > 0 && answers < 20; answers++) answer()
  expect(numbers()).toEqual(upTo(100))
})

test('whoever waits for room is woken when there is some', async () => {
  const { connection, answer } = reader()
  for (let number = 1; number < 16; number++) connection.send(frame(number))
  let isWoken = false
  const waiting = connection.drained().then(() => {
    isWoken = true
  })
  await turn()
  expect(isWoken).toBeFalse()
  answer()
  await waiting
  expect(connection.bufferedBytes).toBe(0)
})

test('a peer that answers no more is closed as too slow, with a prefix of what was sent', async () => {
  const { connection, numbers, bytes, closeCode } = reader()
  let sent = 0
  while (connection.bufferedBytes < boundBytes - 20_000) connection.send(frame(++sent))
  const askedAt = performance.now()
  while (performance.now() - askedAt < 100) await turn()
  expect(closeCode()).toBeNull()
  for (let more = 0; more < 3; more++) connection.send(frame(++sent))
  expect(closeCode()).toBe(4408)
  expect(bytes()).toBeLessThanOrEqual(windowBytes)
  expect(numbers()).toEqual(upTo(numbers().length))
})

test('a burst over the bound is no slowness before the peer has had time to answer, unless it is several times the bound', () => {
  const [one, other] = [reader(), reader()]
  for (let number = 1; number <= 200; number++) one.connection.send(frame(number))
  expect(one.closeCode()).toBeNull()
  for (let answers = 0; one.connection.bufferedBytes > 0 && answers < 40; answers++) one.answer()
  expect(one.numbers()).toEqual(upTo(201))
  for (let number = 1; number <= 500; number++) other.connection.send(frame(number))
  expect(other.closeCode()).toBe(4408)
})

test('a frame larger than the window leaves when all before it was read', () => {
  const { connection, numbers, answer } = reader()
  connection.send(frame(1, 1000))
  connection.send(frame(2, windowBytes * 2))
  connection.send(frame(3))
  expect(numbers()).toEqual([0, 1])
  answer()
  expect(numbers()).toEqual([0, 1, 2])
  answer()
  expect(numbers()).toEqual([0, 1, 2, 3])
})

test.each([
  ['of a heartbeat before a burst', 10_000, 14],
  ['of a part of what is in flight before a large parcel', 60_000, 4],
])('after a pong %s, what waits asks again by itself', (_, bytesEach, count) => {
  const { connection, numbers, pings } = reader()
  connection.ping()
  for (let number = 1; number < count; number++) connection.send(frame(number, bytesEach))
  connection.send(frame(count, 100_000))
  for (let answered = 1; answered < pings.length; answered++) connection.handlePong(pings[answered] ?? '')
  expect(connection.bufferedBytes).toBe(0)
  expect(numbers()).toEqual(upTo(count + 1))
})

test('a peer that never answers pings is left to the kernel', () => {
  const { connection, numbers, pings } = peer()
  for (let number = 0; number < 300; number++) connection.send(frame(number))
  expect(numbers()).toEqual(upTo(300))
  expect(pings).toEqual(['1'])
})

test('one pong may answer several pings; one that nobody waits for, or of a ping to come, says nothing', () => {
  const { connection, numbers, pings } = reader()
  for (let number = 1; number < 60; number++) connection.send(frame(number))
  connection.ping()
  expect(pings).toEqual(['1', '2', '3'])
  for (const payload of ['1', '4', '', 'x', '-1', '1e9', 'NaN']) expect(connection.handlePong(payload)).toBeFalse()
  expect(numbers().length).toBeLessThan(16)
  expect(connection.handlePong('3')).toBeTrue()
  expect(numbers().length).toBeGreaterThanOrEqual(16)
  expect(connection.handlePong('2')).toBeFalse()
})

test('what waits is sent before a socket is closed for anything else than its slowness', () => {
  const { connection, numbers, closeCode } = reader()
  for (let number = 1; number < 50; number++) connection.send(frame(number))
  expect(numbers().length).toBeLessThan(16)
  connection.close(1012)
  expect(numbers()).toEqual(upTo(50))
  expect(closeCode()).toBe(1012)
})
