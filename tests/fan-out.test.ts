import { expect, test } from 'bun:test'
import { TellingPace } from '~/realtime/announcements'
import type { Connection } from '~/realtime/connection'
import { FanOut } from '~/realtime/fan-out'
import { everything } from '~/realtime/filter'
import { LiveStream } from '~/realtime/live-stream'
import { EncodedEvent } from '~/realtime/ring'
import { Subscription } from '~/realtime/subscription'
import type { StreamName } from '~/utils/contracts/logged-event'
import { loggedEvent } from './support/logged-event'

/** Sending to a crowd takes a while; these look into the middle of it. */

const name: StreamName = `store:${Bun.randomUUIDv7()}`
const userId = Bun.randomUUIDv7()

const eventOf = (seq: number) => loggedEvent(name, seq)

const sendMs = 2

/** A connection to which sending takes its time, and what it was sent. */
function slowTo() {
  const seqs: number[] = []
  const sendAll = (frames: string[]) => {
    for (const end = performance.now() + sendMs; performance.now() < end; );
    for (const frame of frames) seqs.push(JSON.parse(frame).seq)
  }
  const connection = { bufferedBytes: 0, maxBufferedBytes: 65_536, isClosed: false, catchUp: null, sendAll } as Partial<Connection> as Connection
  return { connection, seqs }
}

const stream = () =>
  new LiveStream(name, { readLog: async () => [], pace: new TellingPace(), onMemberEvent() {}, onOrderStatus() {}, onBroken() {}, onDelivered() {} })

function crowd(count: number) {
  const live = stream()
  live.open({ epoch: 'first', seq: 0, keyGeneration: 0 })
  const members = Array.from({ length: count }, () => enter(live))
  return { live, members }
}

function enter(live: LiveStream) {
  const { connection, seqs } = slowTo()
  const subscription = new Subscription(connection, live, userId, 'owner', everything, live.headSeq)
  live.add(subscription)
  live.goLive(subscription)
  return { subscription, seqs }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const shares = (members: { seqs: number[] }[]) => members.map(({ seqs }) => seqs.join())

test('a crowd is served bit by bit, and other work comes in between', async () => {
  const { live, members } = crowd(60)
  live.publish([eventOf(1)])
  const served = () => members.filter(({ seqs }) => seqs.length > 0).length
  expect(served()).toBeGreaterThan(0)
  let turns = 0
  for (let before = served(); before < members.length; before = served()) {
    await turn()
    expect(served() - before).toBeLessThan(members.length / 2)
    turns += 1
  }
  expect(turns).toBeGreaterThan(2)
  expect(shares(members)).toEqual(members.map(() => '1'))
})

test('in the middle of it, who joins gets nothing twice, who leaves nothing more, and later events come later', async () => {
  const { live, members } = crowd(40)
  live.publish([eventOf(1)])
  const [last, leaver] = [members.at(-1), members.at(-2)]
  if (!last || !leaver) throw new Error('nobody is there')
  expect([last.seqs, leaver.seqs]).toEqual([[], []])
  live.remove(leaver.subscription)
  live.publish([eventOf(2)])
  live.change(last.subscription, { role: 'kitchen' })
  expect(last.seqs).toEqual([1, 2])
  const newcomer = enter(live)
  live.publish([eventOf(3)])
  live.flush()
  for (let turns = 0; turns < 5; turns++) await turn()
  expect(leaver.seqs).toEqual([])
  expect(newcomer.seqs).toEqual([3])
  expect(shares(members.filter((member) => member !== leaver))).toEqual(Array.from({ length: 39 }, () => '1,2,3'))
})

test('a socket that fails is closed, and the others get theirs', () => {
  const fanOut = new FanOut(name, new TellingPace(), () => {})
  const live = stream()
  const closed: number[] = []
  const failing = {
    isClosed: false,
    sendAll: () => {
      throw new Error('a fault')
    },
    close: (code: number) => closed.push(code),
  }
  const { connection, seqs } = slowTo()
  for (const one of [failing as Partial<Connection> as Connection, connection])
    fanOut.join(new Subscription(one, live, userId, 'owner', everything, 0))
  fanOut.push(new EncodedEvent(eventOf(1), performance.now()))
  fanOut.flush()
  expect(closed).toEqual([1011])
  expect(seqs).toEqual([1])
})
