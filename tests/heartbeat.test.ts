import { expect, test } from 'bun:test'
import { Connection, type Socket } from '~/realtime/connection'
import type { HubContext } from '~/realtime/context'
import { Heartbeat } from '~/realtime/heartbeat'

/** Beats of a crowd that came together; what single sockets see of them is in tests/websocket-limits.test.ts. */

const heartbeatMs = 800
const beatMs = 0.1

/** A crowd whose sockets are due at once. Each ping takes its time; `closed` are those that were given up. */
function crowd(count: number, { silentForMs = 0 } = {}) {
  const sockets = new Set<Connection>()
  const pinged: Connection[] = []
  const closed: number[] = []
  const cameAt = performance.now() - heartbeatMs
  for (let index = 0; index < count; index++) {
    const connection = new Connection('127.0.0.1', null, 65_536, (gone) => sockets.delete(gone), cameAt)
    const ping = () => {
      for (const end = performance.now() + beatMs; performance.now() < end; );
      pinged.push(connection)
      return 1
    }
    const socket = { ping, cork: (work: () => void) => work(), getBufferedAmount: () => 0, close: (code: number) => closed.push(code) }
    connection.attach(socket as unknown as Socket)
    connection.heardAt = performance.now() - silentForMs
    sockets.add(connection)
  }
  const config = { ws: { heartbeatMs, authTimeoutMs: 60_000 } }
  const heartbeat = new Heartbeat({ config, sockets } as unknown as HubContext)
  return { heartbeat, sockets, pinged, closed }
}

/** Counts the turns of the event loop until `isDone`. */
async function turnsUntil(isDone: () => boolean): Promise<number> {
  let turns = 0
  for (; !isDone(); turns++) await new Promise((resolve) => setImmediate(resolve))
  return turns
}

test('a thousand who are due together get one beat each, with other work in between', async () => {
  const { heartbeat, pinged } = crowd(1_000)
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
  const [gone] = [...sockets].slice(-1)
  const newcomer = new Connection('127.0.0.1', null, 65_536, () => {}, performance.now())
  if (gone) sockets.delete(gone)
  sockets.add(newcomer)
  await turnsUntil(() => pinged.length >= 999)
  heartbeat.stop()
  expect(pinged).not.toContain(gone)
  expect(newcomer.beatAt).toBe(newcomer.openedAt)
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
