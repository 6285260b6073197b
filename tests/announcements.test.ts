import { expect, test } from 'bun:test'
import { TellingPace } from '~/realtime/announcements'
import type { Connection } from '~/realtime/connection'
import { everything, type Filter, toFilter } from '~/realtime/filter'
import { LiveStream } from '~/realtime/live-stream'
import { Subscription } from '~/realtime/subscription'
import type { Role } from '~/utils/contracts/common'
import type { StreamName } from '~/utils/contracts/logged-event'
import { loggedEvent } from './support/logged-event'

/** What is told to a stream's live sockets and not logged. */

const name: StreamName = `store:${Bun.randomUUIDv7()}`
const sendMs = 1

const open = () => {
  const live = new LiveStream(name, {
    readLog: async () => [],
    pace: new TellingPace(),
    onMemberEvent() {},
    onOrderStatus() {},
    onBroken() {},
    onDelivered() {},
  })
  live.open({ epoch: 'first', seq: 0, keyGeneration: 0 })
  return live
}

/** A live socket: the frames that it was sent, by system call. Sending takes its time, as it does to a crowd. */
function enter(live: LiveStream, { role = 'owner', filter = everything }: { role?: Role; filter?: Filter } = {}) {
  const calls: string[][] = []
  const sendAll = (frames: string[]) => {
    for (const end = performance.now() + sendMs; performance.now() < end; );
    calls.push(frames)
  }
  const connection = { bufferedBytes: 0, maxBufferedBytes: 65_536, isClosed: false, catchUp: null, sendAll } as Partial<Connection> as Connection
  const subscription = new Subscription(connection, live, Bun.randomUUIDv7(), role, filter, live.headSeq)
  live.add(subscription)
  live.goLive(subscription)
  return { subscription, calls, told: () => calls.flat().join(' ') }
}

const say = (live: LiveStream, frame: string, more: { type?: string; except?: Connection } = {}) =>
  live.announce({ type: 'user_joined', frame, views: ['full', 'kitchen'], ...more })

/** Resolves when `isDone`, which a timer of the stream brings about. */
const until = async (isDone: () => boolean) => {
  while (!isDone()) await new Promise((resolve) => setImmediate(resolve))
}

test('when nothing was told for a while, it is told before the call returns', () => {
  const live = open()
  const { told } = enter(live)
  say(live, 'a')
  expect(told()).toBe('a')
})

test('a hundred who come at once are told of together, in order', async () => {
  const live = open()
  const crowd = Array.from({ length: 5 }, () => enter(live))
  const names = Array.from({ length: 100 }, (_, index) => `user-${index}`)
  for (const one of names) say(live, one)
  await until(() => crowd.every(({ told }) => told().endsWith('user-99')))
  for (const { told, calls } of crowd) {
    expect(told()).toBe(names.join(' '))
    expect(calls.length).toBeLessThanOrEqual(3)
  }
})

test('a socket is told what happens from its going live on, and not what it said itself', async () => {
  const live = open()
  const [first, speaker] = [enter(live), enter(live)]
  say(live, 'before')
  say(live, 'waiting')
  const newcomer = enter(live)
  say(live, 'spoken', { type: 'custom_action', except: speaker.subscription.connection })
  say(live, 'last')
  await until(() => [first, speaker, newcomer].every(({ told }) => told().endsWith('last')))
  expect(first.told()).toBe('before waiting spoken last')
  expect(speaker.told()).toBe('before waiting last')
  expect(newcomer.told()).toBe('spoken last')
})

test('roles and filters are judged for each group', async () => {
  const live = open()
  const [kitchen, kiosk] = [enter(live, { role: 'kitchen' }), enter(live, { role: 'kiosk' })]
  const [choosy, picky] = [
    enter(live, { filter: toFilter({ events: ['custom_action'] }) }),
    enter(live, { filter: toFilter({ events: ['order_created'] }) }),
  ]
  say(live, 'joined')
  say(live, 'acted', { type: 'custom_action' })
  await until(() => kitchen.told() === 'joined acted' && choosy.told() === 'acted')
  expect(kiosk.calls).toEqual([])
  expect(picky.calls).toEqual([])
})

test('events take along what waits, and do not wait for it', async () => {
  const live = open()
  const { calls, told } = enter(live)
  say(live, 'first')
  say(live, 'second')
  live.publish([loggedEvent(name, 1)])
  await until(() => calls.flat().length === 3)
  expect(calls.flat().map((frame) => (frame.startsWith('{') ? JSON.parse(frame).seq : frame))).toContain(1)
  expect(told()).toContain('second')
})

test('what waits for a socket leaves before what must come after it, and comes once', async () => {
  const live = open()
  const [one, other] = [enter(live), enter(live)]
  say(live, 'a')
  say(live, 'b')
  live.settle(one.subscription)
  expect([one.told(), other.told()]).toEqual(['a b', 'a'])
  live.change(other.subscription, { role: 'kitchen' })
  expect(other.told()).toBe('a b')
  say(live, 'c')
  await until(() => other.told().endsWith('c'))
  expect([one.told(), other.told()]).toEqual(['a b c', 'a b c'])
})

test('who has left is told nothing more', async () => {
  const live = open()
  const [leaver, stayer] = [enter(live), enter(live)]
  say(live, 'a')
  say(live, 'b')
  live.remove(leaver.subscription)
  await until(() => stayer.told() === 'a b')
  expect(leaver.told()).toBe('a')
})

test('streams take turns, and a small one does not wait for large ones', () => {
  const pace = new TellingPace()
  const turns = [pace.reserve(5), pace.reserve(5), pace.reserve(5)]
  expect(turns[0]).toBe(0)
  // Each leaves the process alone for ten times as long; the test itself takes some of that.
  expect(turns[1]).toBeGreaterThan(30)
  expect(turns[2]).toBeGreaterThan((turns[1] ?? 0) + 30)
  expect(pace.reserve(0.01)).toBeLessThanOrEqual(1)
})

test('nobody waits longer than half a second, however much there is to tell', () => {
  const pace = new TellingPace()
  for (let turn = 0; turn < 100; turn++) expect(pace.reserve(20)).toBeLessThanOrEqual(500)
})
