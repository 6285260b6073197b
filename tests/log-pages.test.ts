import { expect, spyOn, test } from 'bun:test'
import { TellingPace } from '~/realtime/announcements'
import { startCatchUp } from '~/realtime/catch-up'
import { Connection, type Socket } from '~/realtime/connection'
import { everything } from '~/realtime/filter'
import { LiveStream } from '~/realtime/live-stream'
import { LogPages } from '~/realtime/log-pages'
import type { EncodedEvent } from '~/realtime/ring'
import { Subscription } from '~/realtime/subscription'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { loggedEvent } from './support/logged-event'

/** Pages over a log in memory whose reads end when the test says so. */

const name: StreamName = `store:${Bun.randomUUIDv7()}`
const other: StreamName = `store:${Bun.randomUUIDv7()}`
const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
const seqs = (entries: EncodedEvent[]) => entries.map(({ event }) => event.seq)

function pagesOver({ prunedSeq = 0, bytesEach = 10 } = {}) {
  const reads: { after: number; upTo: number; answer(): void; fail(): void }[] = []
  const json = JSON.stringify({ note: 'x'.repeat(bytesEach) })
  const pages = new LogPages((stream, after, upTo) => {
    const { promise, resolve, reject } = Promise.withResolvers<LoggedEvent[]>()
    const answer = () => resolve(range(Math.max(after, prunedSeq) + 1, upTo).map((seq) => ({ ...loggedEvent(stream, seq), json })))
    reads.push({ after, upTo, answer, fail: () => reject(new Error('away')) })
    return promise
  })
  /** Reads one page, with the log answering at once. */
  const page = async (after: number, stream = name) => {
    const before = reads.length
    const entries = pages.after(stream, 'first', after, 1_000_000)
    for (const read of reads.slice(before)) read.answer()
    return await entries
  }
  return { pages, reads, page }
}

test('those who come from different places of a page share one read and its frames', async () => {
  const { pages, reads } = pagesOver()
  const asked = [203, 250, 299].map((after) => pages.after(name, 'first', after, 1_000))
  expect(reads.map(({ after, upTo }) => [after, upTo])).toEqual([[200, 300]])
  reads[0]?.answer()
  const [a = [], b = [], c = []] = await Promise.all(asked)
  expect([seqs(a), seqs(b), seqs(c)]).toEqual([range(204, 300), range(251, 300), [300]])
  expect(b[0]?.frame('full')).toBe(a[47]?.frame('full') ?? '')
  expect(b[0]).toBe(a[47] as EncodedEvent)
  expect(seqs(await pages.after(name, 'first', 210, 1_000))).toEqual(range(211, 300))
  expect(reads).toHaveLength(1)
})

test('another stream, another epoch and a log that has grown are read for themselves', async () => {
  const { pages, reads } = pagesOver()
  void pages.after(name, 'first', 0, 50)
  void pages.after(other, 'first', 0, 50)
  void pages.after(name, 'second', 0, 50)
  const grown = pages.after(name, 'first', 50, 70)
  expect(reads.map(({ after, upTo }) => [after, upTo])).toEqual([
    [0, 50],
    [0, 50],
    [0, 50],
    [0, 70],
  ])
  reads[3]?.answer()
  expect(seqs(await grown)).toEqual(range(51, 70))
})

test('a page of which the beginning was pruned serves those behind it, and nobody before', async () => {
  const { page } = pagesOver({ prunedSeq: 150 })
  expect(seqs(await page(150))).toEqual(range(151, 200))
  expect(seqs(await page(170))).toEqual(range(171, 200))
  expect(await page(149)).toEqual([])
  expect(await page(20)).toEqual([])
})

test('a read that fails is asked for again', async () => {
  const { pages, reads, page } = pagesOver()
  const asked = pages.after(name, 'first', 5, 1_000)
  reads[0]?.fail()
  await expect(asked).rejects.toThrow('away')
  expect(seqs(await page(5))).toEqual(range(6, 100))
})

test('rewritten history is read anew, also when it was on its way', async () => {
  const { pages, reads, page } = pagesOver()
  await page(0)
  const before = pages.after(name, 'first', 100, 1_000)
  pages.forget(name)
  reads.at(-1)?.answer()
  await before
  await page(0)
  await page(100)
  expect(reads.map(({ after }) => after)).toEqual([0, 100, 0, 100])
})

test('what was not asked for longest goes when there is too much, and all of it with time', async () => {
  const { pages, reads, page } = pagesOver({ bytesEach: 30_000 })
  const readsOf = (count: number) => reads.slice(-count).map(({ after }) => after)
  for (const start of [0, 100, 200, 300, 400]) await page(start)
  await page(0)
  expect(reads).toHaveLength(5)
  await page(500)
  await page(0)
  expect(reads).toHaveLength(6)
  await page(100)
  expect(readsOf(1)).toEqual([100])
  pages.trim(performance.now() + 60_000)
  await page(500)
  expect(readsOf(1)).toEqual([500])
})

test('a page goes with time although it is asked for again and again', async () => {
  const { pages, reads, page } = pagesOver()
  const start = performance.now()
  const clock = spyOn(performance, 'now')
  for (let seconds = 0; seconds <= 12; seconds++) {
    clock.mockReturnValue(start + seconds * 1000)
    await page(0)
    pages.trim(performance.now())
  }
  clock.mockRestore()
  expect(reads).toHaveLength(2)
})

test('events with next to no data are not kept by the hundred thousand', async () => {
  const { reads, page } = pagesOver()
  for (let start = 0; start < 500; start++) await page(start * 100)
  await page(49_900)
  expect(reads).toHaveLength(500)
  await page(0)
  expect(reads).toHaveLength(501)
})

/** A socket whose peer takes everything, thousands of events behind on its stream. */
function farBehind(pages: LogPages) {
  const texts: string[] = []
  const socket = { send: (text: string) => texts.push(text), ping: () => 1, cork: (work: () => void) => work(), getBufferedAmount: () => 0 }
  const connection = new Connection('127.0.0.1', null, 1024 * 1024, () => {}, 0).attach(socket as Partial<Socket> as Socket)
  const nothing = () => {}
  const host = {
    readLog: async () => [],
    pace: new TellingPace(),
    onMemberEvent: nothing,
    onOrderStatus: nothing,
    onBroken: nothing,
    onDelivered: nothing,
  }
  const stream = new LiveStream(name, host)
  stream.open({ epoch: 'first', seq: 5_000, keyGeneration: 0 })
  startCatchUp(connection, '{"type":"subscribed"}', [new Subscription(connection, stream, 'u', 'owner', everything, 0)], pages)
  return { connection, texts }
}

test('others have their turns while a socket is sent thousands of events that are at hand', async () => {
  const { pages, page } = pagesOver()
  for (let start = 0; start < 5_000; start += 100) await page(start)
  const { connection, texts } = farBehind(pages)
  let turns = 0
  while (connection.catchUp) {
    await new Promise<void>((resolve) => setImmediate(resolve))
    turns += 1
  }
  expect(texts.map((text) => JSON.parse(text).seq).filter(Boolean)).toEqual(range(1, 5_000))
  expect(turns).toBeGreaterThan(40)
})
