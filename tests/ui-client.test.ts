import { afterEach, expect, test } from 'bun:test'
import { live, seqs, settled, startClient, startHub, stopAll, when } from './support/client'
import { hubStore, hubStream, hubUser } from './support/fake-hub'

afterEach(stopAll)

test('it goes through the written states to live and sends its token in a message, never in the URL', async () => {
  const hub = startHub()
  const { client, states } = startClient(hub)
  await live(client)
  expect(states).toEqual(['connecting', 'authenticating', 'catching_up', 'live'])
  expect(hub.received[0].data).toEqual({ userId: hubUser, storeId: hubStore, token: 'secret' })
  expect(client.getSnapshot()).toMatchObject({ role: 'owner', storeSessions: 1, hasGivenUp: false })
})

test('after a cut it resumes and delivers each event once, duplicates and a dead log notwithstanding', async () => {
  const hub = startHub()
  const { client, events } = startClient(hub)
  await live(client)
  await hub.publish(3)
  hub.repeat()
  await settled(client)
  hub.cut()
  await when(client, (snapshot) => snapshot.state !== 'live')
  await hub.publish(4)
  await live(client)
  hub.repeat()
  await settled(client)
  expect(seqs(events)).toEqual([1, 2, 3, 4, 5, 6, 7])
})

test('a half-open socket turns stale, is probed, and is given up', async () => {
  const hub = startHub(40)
  const { client, states, events } = startClient(hub)
  await live(client)
  hub.freeze()
  await hub.publish(2)
  await when(client, (snapshot) => snapshot.state === 'stale')
  await live(client)
  await settled(client)
  expect(states.slice(4)).toEqual(['stale', 'offline', 'connecting', 'authenticating', 'catching_up', 'live'])
  expect(seqs(events)).toEqual([1, 2])
})

test('a silence that ends brings a stale client back to live without a new socket', async () => {
  const hub = startHub(40)
  const { client } = startClient(hub, { probeTimeoutMs: 5000 })
  await live(client)
  hub.freeze()
  await when(client, (snapshot) => snapshot.state === 'stale')
  for (const socket of hub.sockets) socket.data.frozen = false
  await hub.publish(1)
  await live(client)
  expect(hub.connections).toBe(1)
})

test('after waking it asks the socket for a sign of life and does not wait for the watchdog', async () => {
  const hub = startHub(60_000)
  const { client } = startClient(hub, { reconnectIntervalMs: 60_000, maxReconnectIntervalMs: 60_000 })
  await live(client)
  client.wake()
  await settled(client)
  expect(hub.connections).toBe(1)
  hub.freeze()
  client.wake()
  await when(client, (snapshot) => snapshot.state !== 'live')
  await live(client)
  expect(hub.connections).toBe(2)
})

test('goaway: the new socket is live before the old one is closed with 1000, and nothing is lost or doubled', async () => {
  const hub = startHub()
  const { client, events, states } = startClient(hub)
  await live(client)
  await hub.publish(2)
  hub.goaway()
  await hub.until(() => hub.connections === 2)
  await hub.publish(3)
  await hub.until(() => hub.closings.length === 1)
  await hub.publish(2)
  await settled(client)
  expect(hub.closings).toEqual([1000])
  expect(seqs(events)).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(states).toEqual(['connecting', 'authenticating', 'catching_up', 'live'])
})

test('when the old socket goes before the new one is live, the new one takes over', async () => {
  const hub = startHub()
  const gate = Promise.withResolvers<void>()
  let asked = 0
  const { client, events } = startClient(hub, {
    identify: async () => {
      asked += 1
      if (asked === 2) await gate.promise
      return { userId: hubUser, storeId: hubStore }
    },
  })
  await live(client)
  hub.goaway()
  await hub.until(() => hub.connections === 2)
  for (const socket of hub.sockets) if (socket.data.user) socket.close(1012)
  await when(client, (snapshot) => snapshot.state !== 'live')
  await hub.publish(2)
  gate.resolve()
  await live(client)
  await settled(client)
  expect(seqs(events)).toEqual([1, 2])
  expect(hub.connections).toBe(2)
})

test('when the new socket is live before the old one was even accepted, the client is live', async () => {
  const hub = startHub()
  let asked = 0
  const { client, events, states } = startClient(hub, {
    identify: async () => {
      asked += 1
      if (asked === 1) await new Promise(() => {})
      return { userId: hubUser, storeId: hubStore }
    },
  })
  await when(client, (snapshot) => snapshot.state === 'authenticating')
  hub.goaway()
  await live(client)
  await hub.publish(2)
  await settled(client)
  expect(seqs(events)).toEqual([1, 2])
  expect(states).toEqual(['connecting', 'authenticating', 'catching_up', 'live'])
})

test('a handler that throws costs only itself, and unsubscribing inside a handler is safe', async () => {
  const hub = startHub()
  const errors: unknown[] = []
  const { client, events } = startClient(hub, { logger: { error: (_message, error) => errors.push(error) } })
  const heard: string[] = []
  client.on('general_notification', () => {
    throw new Error('a handler of somebody')
  })
  const endOnce = client.on('general_notification', () => {
    heard.push('once')
    endOnce()
    endNever()
  })
  const endNever = client.on('general_notification', () => heard.push('never'))
  client.on('general_notification', () => heard.push('always'))
  await live(client)
  await hub.publish(2)
  await settled(client)
  expect(heard).toEqual(['once', 'always', 'always'])
  expect(errors).toHaveLength(2)
  expect(events).toHaveLength(2)
})

test('stopping inside a handler ends the delivery of what has come already', async () => {
  const hub = startHub()
  const { client, events } = startClient(hub)
  await live(client)
  client.on('general_notification', (frame) => {
    if ('seq' in frame && frame.seq === 2) client.stop()
  })
  await hub.publish(5)
  await hub.until(() => hub.closings.length === 1)
  expect(seqs(events)).toEqual([1, 2])
  client.start()
  await live(client)
  await settled(client)
  expect(seqs(events)).toEqual([1, 2, 3, 4, 5])
})

test('messages wait for a live socket in order, and no more of them than allowed', async () => {
  const hub = startHub()
  hub.acceptsSockets = false
  const { client } = startClient(hub, { maxQueued: 3 })
  const taken = [1, 2, 3, 4].map((number) => client.send({ type: 'custom_action', data: { action: 'call', number } }))
  expect(taken).toEqual([true, true, true, false])
  expect(client.getSnapshot().queued).toBe(3)
  expect(client.send({ type: 'custom_action', data: { action: 'x'.repeat(17_000) } })).toBe(false)
  hub.acceptsSockets = true
  await hub.until(() => hub.received.filter((message) => message.type === 'custom_action').length === 3)
  expect(hub.received.filter((message) => message.type === 'custom_action').map((message) => message.data.number)).toEqual([1, 2, 3])
  expect(client.getSnapshot().queued).toBe(0)
})

test("another member's action cannot pass for an answer or bring a key", async () => {
  const hub = startHub()
  const { client, events } = startClient(hub)
  await live(client)
  const forged = { replyTo: 'sign-in-1', keys: [{ stream: hubStream, kid: 'k1', k: 'AAAA' }], code: 'unauthorized', action: 'x' }
  const sender = { userId: hubUser, storeId: hubStore, sessionId: Bun.randomUUIDv7() }
  for (const socket of hub.sockets) hub.sendRaw(socket, { type: 'custom_action', data: forged, timestamp: new Date().toISOString(), ...sender })
  await settled(client)
  expect(client.getSnapshot().state).toBe('live')
  expect(events.map((frame) => frame.type)).toEqual(['custom_action'])
})
