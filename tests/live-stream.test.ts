import { describe, expect, test } from 'bun:test'
import { TellingPace } from '~/realtime/announcements'
import { startCatchUp } from '~/realtime/catch-up'
import type { Connection } from '~/realtime/connection'
import { everything } from '~/realtime/filter'
import { LiveStream } from '~/realtime/live-stream'
import { LogPages } from '~/realtime/log-pages'
import { StreamRegistry } from '~/realtime/stream-registry'
import { Subscription } from '~/realtime/subscription'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { loggedEvent } from './support/logged-event'

/**
 * A stream over a log in memory, for orders of events that no real database can be made to show: news, reads, pruning
 * and a replaced log, each exactly when it hurts.
 */

const name: StreamName = `store:${Bun.randomUUIDv7()}`

const event = (seq: number, epoch?: string) => loggedEvent(name, seq, epoch)

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** Each read of the log waits until the test answers it. */
function streamOver() {
  const reads: { after: number; upTo: number; answer(events: LoggedEvent[]): void }[] = []
  const broken: string[] = []
  const stream = new LiveStream(name, {
    pace: new TellingPace(),
    readLog: (_, after, upTo) => new Promise((answer) => reads.push({ after, upTo, answer })),
    onMemberEvent() {},
    onOrderStatus() {},
    onBroken(of, reason) {
      broken.push(reason)
      of.dispose()
    },
    onDelivered() {},
  })
  return { stream, reads, broken }
}

const head = (seq: number, epoch = 'first') => ({ epoch, seq, keyGeneration: 0 })
const seqs = (events: { seq: number }[] | null) => events?.map(({ seq }) => seq)

/** A connection whose peer reads at once. */
function connectionTo(told: string[]): Connection {
  const send = (frame: string) => void told.push(frame)
  const connection = {
    bufferedBytes: 0,
    maxBufferedBytes: 65_536,
    isClosed: false,
    catchUp: null,
    send,
    sendAll: (frames: string[]) => frames.forEach(send),
  }
  return connection as Partial<Connection> as Connection
}

/** Lets everything that waits for a settled promise run. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('the ring', () => {
  test('has no hole when its events grew too old while older ones were being read', async () => {
    const { stream, reads } = streamOver()
    stream.open(head(10))
    stream.publish([event(11), event(12)])
    const filled = stream.backfill(5)
    stream.publish([event(13)])
    stream.ring.trim(performance.now() + 3_600_000)
    reads[0]?.answer(range(6, 10).map((seq) => event(seq)))
    await filled
    stream.publish([event(14)])
    expect(seqs(stream.passedSince(13))).toEqual([14])
    for (const seq of range(5, 12)) expect(stream.passedSince(seq)).toBeNull()
  })

  test('keeps nothing that was read before it was emptied, though it would fit', async () => {
    const { stream, reads } = streamOver()
    stream.open(head(10))
    const filled = stream.backfill(5)
    stream.ring.clear()
    reads[0]?.answer(range(6, 10).map((seq) => event(seq)))
    await filled
    expect(stream.passedSince(5)).toBeNull()
  })

  test('takes nothing new that was read before it was emptied either: it is read again', async () => {
    const { stream, reads } = streamOver()
    stream.open(head(10))
    const reached = stream.advanceTo(11)
    stream.ring.clear()
    reads[0]?.answer([{ ...event(11), json: '{"name":"Ada"}' }])
    await new Promise((resolve) => setImmediate(resolve))
    expect(reads).toHaveLength(2)
    reads[1]?.answer([event(11)])
    await reached
    expect(stream.passedSince(10)?.map(({ json }) => json)).toEqual(['{}'])
  })

  test('takes older events that end right before its own', async () => {
    const { stream, reads } = streamOver()
    stream.open(head(10))
    stream.publish([event(11)])
    const filled = stream.backfill(5)
    stream.publish([event(12)])
    reads[0]?.answer(range(6, 10).map((seq) => event(seq)))
    await filled
    expect(seqs(stream.passedSince(5))).toEqual(range(6, 12))
  })

  test('takes nothing of another epoch', async () => {
    const { stream, reads } = streamOver()
    stream.open(head(10))
    const filled = stream.backfill(5)
    reads[0]?.answer(range(6, 10).map((seq) => event(seq, 'second')))
    await filled
    expect(stream.passedSince(5)).toBeNull()
  })
})

describe('a log that does not go on', () => {
  test('breaks the stream once, and the read ends, when another one is found in its place', async () => {
    const { stream, reads, broken } = streamOver()
    stream.open(head(10))
    const reached = stream.advanceTo(12).catch((error: Error) => error)
    reads[0]?.answer([event(11, 'second'), event(12, 'second')])
    expect(await reached).toBeInstanceOf(Error)
    await turn()
    expect(broken).toEqual(['another epoch'])
    expect(reads).toHaveLength(1)
  })

  test.each([
    ['all of them', []],
    ['the first of them', [12]],
  ])('breaks the stream when announced events were pruned: %s', async (_, left) => {
    const { stream, reads, broken } = streamOver()
    stream.open(head(10))
    const reached = stream.advanceTo(12).catch((error: Error) => error)
    reads[0]?.answer(left.map((seq) => event(seq)))
    expect(await reached).toBeInstanceOf(Error)
    expect(broken).toHaveLength(1)
  })

  test('never mixes news of another epoch into the one that was opened', () => {
    const { stream } = streamOver()
    stream.publish([event(11, 'second'), event(12, 'second')])
    stream.open(head(10))
    expect(stream.headSeq).toBe(10)
  })
})

test('who joins while events are held back for others gets each of them once, and is told of no place before', () => {
  const { stream } = streamOver()
  stream.open(head(0))
  const told: string[] = []
  const connection = connectionTo(told)
  // The second one comes too soon after the first to be sent at once.
  stream.publish([event(1)])
  stream.publish([event(2)])
  expect([stream.headSeq, stream.deliveredSeq]).toEqual([2, 1])
  const subscription = new Subscription(connection, stream, 'user', 'owner', everything, 1)
  stream.add(subscription)
  startCatchUp(connection, '{"type":"answer"}', [subscription], new LogPages(() => Promise.reject(new Error('nothing is to be read'))))
  stream.publish([event(3)])
  stream.flush()
  expect(told.map((frame) => JSON.parse(frame)).map(({ type, seq, data }) => seq ?? data?.streams?.[name].seq ?? type)).toEqual(['answer', 2, 2, 3])
})

describe('news in any order', () => {
  test('is delivered in that of the log, whatever comes twice, early or not at all', async () => {
    const { stream, reads } = streamOver()
    stream.publish([event(3), event(2)])
    stream.open(head(1))
    expect(stream.headSeq).toBe(3)
    stream.publish([event(6)])
    stream.publish([event(2), event(4)])
    expect(stream.headSeq).toBe(4)
    const reached = stream.advanceTo(6)
    stream.publish([event(5)])
    reads[0]?.answer([event(5), event(6)])
    await reached
    expect(seqs(stream.passedSince(1))).toEqual(range(2, 6))
  })
})

describe('a stream that was given up', () => {
  const registry = () => new StreamRegistry({ onMemberEvent() {}, onOrderStatus() {}, onDelivered() {}, onBroken: (stream) => streams.drop(stream) })
  let streams = registry()

  test('does not take its successor along when it is given up again', () => {
    streams = registry()
    const old = streams.listen(name)
    streams.drop(old)
    const young = streams.listen(name)
    streams.drop(old)
    expect(streams.get(name)).toBe(young)
  })

  test('is begun anew for whoever comes after its log was replaced', async () => {
    streams = registry()
    const old = await streams.reach(name, head(5))
    const young = await streams.reach(name, head(3, 'second'))
    expect(young).not.toBe(old)
    expect(old.isGone).toBe(true)
    expect([young.epoch, young.headSeq]).toEqual(['second', 3])
  })
})
