import { afterEach, expect, test } from 'bun:test'
import { live, settled, startClient, startHub, stopAll, when } from './support/client'
import { hubStore, hubUser } from './support/fake-hub'

afterEach(stopAll)

test.each([
  [4400, 'unauthorized'],
  [4401, 'unauthorized'],
  [4403, 'unauthorized'],
  [1000, 'stopped'],
] as const)('close code %d ends it as %s, without another attempt', async (code, state) => {
  const hub = startHub()
  const { client } = startClient(hub)
  await live(client)
  hub.close(code)
  await when(client, (snapshot) => snapshot.state === state)
  expect(client.getSnapshot()).toMatchObject({ ending: { code }, retryAt: null })
  client.wake()
  expect(client.getSnapshot().state).toBe(state)
})

test.each([1001, 1011, 1012, 1013, 4408, 4409, 4429])('after close code %d it comes back', async (code) => {
  const hub = startHub()
  const { client } = startClient(hub)
  await live(client)
  hub.close(code)
  await when(client, (snapshot) => snapshot.state !== 'live')
  await live(client)
})

test('an expired token ends it; started again it asks for a new one', async () => {
  const hub = startHub()
  hub.judge = (data) => (data.token === 'fresh' ? null : { code: 'unauthorized', message: 'No live session for this' })
  let credential = 'expired'
  const { client } = startClient(hub, { identify: () => ({ userId: hubUser, storeId: hubStore, credential }) })
  await when(client, (snapshot) => snapshot.state === 'unauthorized')
  expect(client.getSnapshot().ending?.reason).toBe('No live session for this')
  credential = 'fresh'
  client.start()
  await live(client)
})

test('a session that is about to expire is refreshed in place with a new token', async () => {
  const hub = startHub()
  let asked = 0
  const { client, states } = startClient(hub, {
    identify: () => {
      asked += 1
      return { userId: hubUser, storeId: hubStore, credential: `token-${asked}` }
    },
  })
  await live(client)
  for (const socket of hub.sockets) hub.send(socket, 'session_expiring', { expiresAt: new Date().toISOString() })
  await hub.until(() => hub.received.filter((message) => message.type === 'authenticate').length === 2)
  await hub.publish(1)
  await settled(client)
  expect(hub.received.filter((message) => message.type === 'authenticate').map((message) => message.data.token)).toEqual(['token-1', 'token-2'])
  expect(hub.connections).toBe(1)
  expect(states.at(-1)).toBe('live')
})

test('after the allowed attempts it gives up until it is told to try again', async () => {
  const hub = startHub()
  const { client } = startClient(hub, { maxReconnectAttempts: 2 })
  await live(client)
  hub.acceptsSockets = false
  hub.cut()
  await when(client, (snapshot) => snapshot.hasGivenUp)
  expect(client.getSnapshot()).toMatchObject({ state: 'offline', attempts: 2, retryAt: null })
  hub.acceptsSockets = true
  client.wake()
  await live(client)
  expect(client.getSnapshot()).toMatchObject({ attempts: 0, hasGivenUp: false })
})

test('without autoReconnect a lost socket stays lost', async () => {
  const hub = startHub()
  const { client } = startClient(hub, { autoReconnect: false })
  await live(client)
  hub.cut()
  await when(client, (snapshot) => snapshot.state === 'offline')
  client.wake()
  expect(client.getSnapshot()).toMatchObject({ state: 'offline', retryAt: null, hasGivenUp: false })
})
