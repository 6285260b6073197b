import { expect, test } from 'bun:test'
import { Connection, type Socket } from '~/realtime/connection'
import type { HubContext } from '~/realtime/context'
import { Heartbeat } from '~/realtime/heartbeat'
import { Sockets } from '~/realtime/sockets'

/** Beats of a crowd that came together; what single sockets see of them is in tests/websocket-limits.test.ts. */

const heartbeatMs = 800
const beatMs = 0.1
const member = { userId: 'u', kind: 'person', name: 'Ada', storeId: null, deviceId: null, isExpiryTold: false } as const

/** A crowd of members whose sockets are due at once. Each ping takes its time; `closed` are those that were given up. */
function crowd(count: number, { silentForMs = 0, endsInMs = Number.POSITIVE_INFINITY, isWatched = false } = {}) {
  const sockets = new Sockets(() => {})
  const pinged: Connection[] = []
  const closed: number[] = []
  const cameAt = performance.now() - heartbeatMs
  for (let index = 0; index < count; index++) {
    const connection = new Connection('127.0.0.1', null, 65_536, (gone) => sockets.remove(gone), cameAt)
    const ping = () => {
      for (const end = performance.now() + beatMs; performance.now() < end; );
      pinged.push(connection)
      return 1
    }
    const socket = { ping, cork: (work: () => void) => work(), getBufferedAmount: () => 0, close: (code: number) => closed.push(code) }
    connection.attach(socket as unknown as Socket)
    connection.heardAt = performance.now() - silentForMs
    connection.user = { ...member, sessionId: connection.sessionId, endsAtMs: Date.now() + endsInMs }
    sockets.add(connection)
    if (!isWatched) sockets.watched.delete(connection)
  }
  const config = { ws: { heartbeatMs, authTimeoutMs: 60_000 } }
  const askedFor: string[] = []
  const lookups = {
    async findSessionById(sessionId: string) {
      askedFor.push(sessionId)
      return null
    },
  }
  const heartbeat = new Heartbeat({ config, sockets, lookups } as unknown as HubContext)
  return { heartbeat, sockets, pinged, closed, askedFor }
}

/** Counts the turns of the event loop until `isDone`. */
async function turnsUntil(isDone: () => boolean): Promise<number> {
  let turns = 0
  for (; !isDone(); turns++) await new Promise((resolve) => setImmediate(resolve))
  return turns
}

test.each([
  ['a thousand', { isWatched: false }],
  ['a thousand newcomers', { isWatched: true }],
])('%s who are due together get one beat each, with other work in between', async (_who, options) => {
  const { heartbeat, pinged } = crowd(1_000, options)
  heartbeat.start()
  await turnsUntil(() => pinged.length > 0)
  const turns = await turnsUntil(() => pinged.length >= 1_000)
  heartbeat.stop()
  expect(new Set(pinged).size).toBe(1_000)
  expect(pinged.length).toBe(1_000)
  // At least a hundred in a turn, however long each of them takes.
  expect(turns).toBeWithin(5, 11)
})

test('who comes or goes in the midst of it disturbs nobody', async () => {
  const { heartbeat, sockets, pinged } = crowd(1_000)
  heartbeat.start()
  await turnsUntil(() => pinged.length > 0)
  const gone = [...sockets].find((connection) => !pinged.includes(connection))
  const newcomer = new Connection('127.0.0.1', null, 65_536, () => {}, performance.now())
  if (gone) sockets.remove(gone)
  sockets.add(newcomer)
  await turnsUntil(() => pinged.length >= 999)
  heartbeat.stop()
  expect(pinged).not.toContain(gone)
  expect(pinged).toHaveLength(999)
  expect(newcomer.beatAt).toBe(newcomer.openedAt)
})

test('whoever falls silent is closed after two heartbeats of it, and whoever answers stays', async () => {
  const { heartbeat, sockets, pinged } = crowd(3)
  const members = [...sockets]
  const [, halfway, answering] = members
  const halfwayAt = performance.now() + heartbeatMs / 2
  const silences: number[] = []
  heartbeat.start()
  await turnsUntil(() => {
    for (const connection of pinged.splice(0)) if (connection === answering) connection.heardAt = performance.now()
    if (halfway && performance.now() < halfwayAt) halfway.heardAt = performance.now()
    for (const gone of members.filter((member) => member.isClosed).slice(silences.length)) silences.push(performance.now() - gone.heardAt)
    return silences.length === 2
  })
  heartbeat.stop()
  expect(members.map(({ isClosed }) => isClosed)).toEqual([true, true, false])
  // A look is an eighth of a heartbeat late at most, and the one that finds it another.
  for (const silence of silences) expect(silence).toBeWithin(heartbeatMs * 2, heartbeatMs * 2.5)
})

test('a session whose end comes near before the next heartbeat is looked up then', async () => {
  const { heartbeat, sockets, pinged, closed, askedFor } = crowd(1, { endsInMs: 60_000 + heartbeatMs * 0.6 })
  const [member] = [...sockets]
  heartbeat.start()
  await turnsUntil(() => closed.length === 1)
  heartbeat.stop()
  expect(askedFor).toEqual([member?.sessionId ?? ''])
  expect(closed).toEqual([4401])
  expect(pinged).toHaveLength(1)
})

test('a crowd that says nothing is closed, all of it', async () => {
  const { heartbeat, sockets, pinged, closed } = crowd(500, { silentForMs: heartbeatMs * 2 })
  heartbeat.start()
  await turnsUntil(() => sockets.size === 0)
  heartbeat.stop()
  expect(pinged).toEqual([])
  expect(closed).toEqual(Array.from({ length: 500 }, () => 4409))
})

test('a pause of this process is not the silence of others', async () => {
  const { heartbeat, pinged, closed } = crowd(500)
  heartbeat.start()
  for (const end = performance.now() + heartbeatMs * 2.5; performance.now() < end; );
  await turnsUntil(() => pinged.length >= 500)
  heartbeat.stop()
  expect(closed).toEqual([])
})
