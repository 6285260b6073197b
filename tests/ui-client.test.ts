import { afterEach, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type ClientSnapshot, ZipZapClient } from '~/ui/client/client'
import type { ApplicationFrame } from '~/ui/client/frames'
import type { ClientOptions, Reload } from '~/ui/client/options'
import type { ClientState } from '~/ui/client/states'
import type { Snapshot } from '~/utils/contracts/snapshot'
import { FakeHub, hubStore, hubStream, hubUser } from './support/fake-hub'

const open: { stop(): void | Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop()
})

function startHub(heartbeatMs?: number): FakeHub {
  const hub = new FakeHub(heartbeatMs)
  open.push(hub)
  return hub
}

/** The hub's snapshot has what the client looks at, and no rows. */
const asSnapshot = (snapshot: object) => snapshot as Snapshot

function startClient(hub: FakeHub, options: Partial<ClientOptions> = {}) {
  const client = new ZipZapClient({
    url: hub.url,
    identify: () => ({ userId: hubUser, storeId: hubStore, credential: 'secret' }),
    reconnectIntervalMs: 5,
    maxReconnectIntervalMs: 20,
    probeTimeoutMs: 60,
    connectTimeoutMs: 1000,
    logger: {},
    ...options,
  })
  open.push(client)
  const events: ApplicationFrame[] = []
  client.on('*', (frame) => events.push(frame))
  const states: ClientState[] = []
  client.subscribe(() => {
    const { state } = client.getSnapshot()
    if (states.at(-1) !== state) states.push(state)
  })
  client.start()
  return { client, events, states }
}

/** Resolves when the client's snapshot fits; rejects after a while, telling what it was. */
function when(client: ZipZapClient, fits: (snapshot: ClientSnapshot) => boolean, timeoutMs = 15_000): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      end()
      reject(new Error(`the client stayed at ${JSON.stringify(client.getSnapshot())}`))
    }, timeoutMs)
    const look = () => {
      if (!fits(client.getSnapshot())) return
      clearTimeout(timer)
      end()
      resolve()
    }
    const end = client.subscribe(look)
    look()
  })
}

const live = (client: ZipZapClient) => when(client, (snapshot) => snapshot.state === 'live')

/** Everything that the hub sent before is handled: frames keep their order. */
async function settled(client: ZipZapClient): Promise<void> {
  const id = crypto.randomUUID()
  const answered = new Promise<void>((resolve) => {
    const end = client.on('ack', (frame) => {
      if (frame.data.replyTo !== id) return
      end()
      resolve()
    })
  })
  client.send({ type: 'custom_action', id, data: { action: 'settle' } })
  await answered
}

const seqs = (events: ApplicationFrame[]) => events.map((frame) => ('seq' in frame ? frame.seq : 0))

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

test('when its place is lost the snapshot is fetched, and only events after it follow', async () => {
  const hub = startHub()
  const reloads: Reload[] = []
  const gates: PromiseWithResolvers<void>[] = []
  const { client, events } = startClient(hub, {
    fetchSnapshot: async () => {
      const gate = Promise.withResolvers<void>()
      gates.push(gate)
      await gate.promise
      return asSnapshot(hub.snapshot())
    },
    onReload: (reload) => reloads.push(reload),
  })
  await hub.until(() => hub.received.some((message) => message.type === 'authenticate'))
  await when(client, (snapshot) => snapshot.state === 'catching_up')
  await hub.publish(2)
  gates[0]?.resolve()
  await live(client)
  await hub.publish(1)
  await settled(client)
  expect(reloads.map(({ reason, snapshot }) => [reason, snapshot?.position.seq])).toEqual([['first', 2]])
  expect(seqs(events)).toEqual([3])

  hub.restore()
  await when(client, (snapshot) => snapshot.state !== 'live')
  await when(client, () => gates.length === 2)
  gates[1]?.resolve()
  await live(client)
  expect(reloads.at(-1)?.reason).toBe('epoch_changed')
  expect(client.coverage(hubStream)).toEqual({ epoch: 'e2', seq: 1 })
})

test('events that come after the snapshot was taken and before it arrives wait for it', async () => {
  const hub = startHub()
  const gate = Promise.withResolvers<void>()
  const order: string[] = []
  const { client } = startClient(hub, {
    fetchSnapshot: async () => {
      const snapshot = asSnapshot(hub.snapshot())
      await gate.promise
      return snapshot
    },
    onReload: ({ snapshot }) => order.push(`snapshot ${snapshot?.position.seq}`),
  })
  client.on('*', (frame) => 'seq' in frame && order.push(`event ${frame.seq}`))
  await when(client, (snapshot) => snapshot.state === 'catching_up')
  await hub.publish(2)
  await hub.until(() => hub.received.some((message) => message.type === 'ping'))
  expect(order).toEqual([])
  gate.resolve()
  await live(client)
  await settled(client)
  expect(order).toEqual(['snapshot 0', 'event 1', 'event 2'])
})

test('a connection that ends before the snapshot came does not count as whole', async () => {
  const hub = startHub()
  let calls = 0
  const { client } = startClient(hub, {
    fetchSnapshot: async () => {
      calls += 1
      if (calls > 1) return asSnapshot(hub.snapshot())
      hub.cut()
      return new Promise<never>(() => {})
    },
  })
  await live(client)
  const [first, second] = hub.received.filter((message) => message.type === 'authenticate')
  expect([first.data.resume, second.data.resume]).toEqual([undefined, undefined])
  expect(calls).toBe(2)
})

test('a snapshot that cannot be fetched, or is too old, is fetched again', async () => {
  const hub = startHub()
  await hub.publish(5)
  let calls = 0
  const { client } = startClient(hub, {
    fetchSnapshot: async () => {
      calls += 1
      if (calls === 1) throw new Error('the network is away')
      return asSnapshot({ position: { stream: hubStream, epoch: hub.epoch, seq: calls === 2 ? 1 : hub.head } })
    },
  })
  await live(client)
  expect(calls).toBe(3)
})

test('a hole where none may be is told as a reload', async () => {
  const hub = startHub()
  const reloads: string[] = []
  const { client, events } = startClient(hub, { onReload: ({ reason }) => reloads.push(reason) })
  await live(client)
  await hub.publish(1)
  for (const socket of hub.sockets) socket.data.sent += 1
  await hub.publish(2)
  await settled(client)
  expect(reloads).toEqual(['first', 'gap'])
  expect(seqs(events)).toEqual([1, 3])
})

test('a position given by the caller is where it starts, and storage remembers where it came', async () => {
  const hub = startHub()
  await hub.publish(5)
  let stored = {}
  const storage = {
    load: () => stored,
    save: (positions: object) => {
      stored = positions
    },
  }
  const { client, events } = startClient(hub, { storage })
  client.startFrom(hubStream, { epoch: 'e1', seq: 3 })
  await live(client)
  await settled(client)
  expect(seqs(events)).toEqual([4, 5])
  client.stop()
  expect(stored).toEqual({ [hubStream]: { epoch: 'e1', seq: 5 } })
  await hub.publish(1)
  const second = startClient(hub, { storage })
  await live(second.client)
  await settled(second.client)
  expect(seqs(second.events)).toEqual([6])
})

test('with a deviceId the hub remembers how far the device came, and continues there', async () => {
  const hub = startHub(20)
  const first = startClient(hub, { deviceId: 'till-1' })
  await live(first.client)
  await hub.publish(3)
  await hub.until(() => hub.acknowledged?.seq === 3)
  first.client.stop()
  await hub.publish(2)
  const { client, events } = startClient(hub, { deviceId: 'till-1' })
  await live(client)
  await settled(client)
  expect(seqs(events)).toEqual([4, 5])
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

const base64url = (bytes: ArrayBuffer | Uint8Array) => Buffer.from(bytes as Uint8Array).toString('base64url')

/** Seals as the contract says: AES-256-GCM, AAD `stream|id|type|kid`. */
async function sealing(hub: FakeHub) {
  const raw = crypto.getRandomValues(new Uint8Array(32))
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt'])
  hub.frameOf = async (entry) => {
    const notice = { message: String(entry.seq), level: 'info', notificationId: entry.id }
    if (entry.seq % 2 === 0) return { ...hub.placeOf(entry), type: 'general_notification', data: notice }
    const iv = crypto.getRandomValues(new Uint8Array(12))
    const additionalData = new TextEncoder().encode(`${hubStream}|${entry.id}|customer_updated|k1`)
    const data = new TextEncoder().encode(JSON.stringify({ action: 'updated', customerName: `Customer ${entry.seq}` }))
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, data)
    return {
      ...hub.placeOf(entry),
      type: 'customer_updated',
      data: { sealed: base64url(sealed) },
      enc: { v: 1, alg: 'A256GCM', kid: 'k1', iv: base64url(iv) },
    }
  }
  return [{ stream: hubStream, kid: 'k1', k: base64url(raw) }]
}

test('sealed events are opened unseen and stay in their order among the others', async () => {
  const hub = startHub()
  hub.keys = await sealing(hub)
  const { client, events } = startClient(hub)
  await live(client)
  await hub.publish(6)
  await settled(client)
  hub.cut()
  await when(client, (snapshot) => snapshot.state !== 'live')
  await hub.publish(2)
  await live(client)
  await settled(client)
  expect(seqs(events)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect(events[0]).toMatchObject({ type: 'customer_updated', data: { customerName: 'Customer 1' } })
  expect(events[0]).not.toHaveProperty('enc')
})

test('without a key it reads the event by REST, or says cannot_decrypt; the stream goes on', async () => {
  const hub = startHub()
  await sealing(hub)
  const { client, events } = startClient(hub, {
    readSealed: async ({ enc: _enc, ...frame }) => (frame.seq === 1 ? ({ ...frame, data: { customerName: 'by REST' } } as never) : undefined),
  })
  const unread: number[] = []
  client.on('cannot_decrypt', (frame) => unread.push(frame.seq))
  await live(client)
  await hub.publish(4)
  await settled(client)
  expect(seqs(events)).toEqual([1, 2, 4])
  expect(unread).toEqual([3])
  expect(client.getSnapshot().cannotDecrypt).toBe(true)
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

/** What an application that applies snapshot and events knows; it fails at the first hole, double or step back. */
class Replica {
  epoch = ''
  seq = -1

  reload(position: { epoch: string; seq: number } | undefined): void {
    this.epoch = position?.epoch ?? this.epoch
    this.seq = position?.seq ?? this.seq
  }

  apply(frame: ApplicationFrame): void {
    if (!('seq' in frame)) return
    if (frame.epoch !== this.epoch || frame.seq !== this.seq + 1) {
      throw new Error(`${frame.epoch}:${frame.seq} came after ${this.epoch}:${this.seq}`)
    }
    this.seq = frame.seq
  }
}

/** Resolves when it is true after some change or event; rejects after a while. */
function reached(client: ZipZapClient, isTrue: () => boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error('it never came true')), 15_000)
  const look = () => isTrue() && resolve()
  const ends = [client.subscribe(look), client.on('*', look), client.on('reload', look)]
  look()
  return promise.finally(() => {
    clearTimeout(timer)
    for (const end of ends) end()
  })
}

type Command = { name: 'publish' | 'cut' | 'freeze' | 'repeat' | 'goaway' | 'restore' | 'prune' | 'wake' | 'turn'; count: number }

const command: fc.Arbitrary<Command> = fc.record({
  name: fc.constantFrom('publish', 'publish', 'turn', 'cut', 'freeze', 'repeat', 'goaway', 'restore', 'prune', 'wake'),
  count: fc.integer({ min: 1, max: 5 }),
})

/** Lets the sockets run a little, so that what comes next meets them in any state. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve))
}

async function perform({ name, count }: Command, hub: FakeHub, client: ZipZapClient): Promise<void> {
  if (name === 'publish') return hub.publish(count)
  if (name === 'wake') return client.wake()
  if (name === 'turn') return turns(count * 4)
  if (name === 'repeat') return hub.repeat(count)
  hub[name]()
}

test('whatever happens on the way, what the application knows ends equal to the log, without a hole or a double', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 3, maxLength: 14 }), async (commands) => {
      const hub = new FakeHub(30)
      const replica = new Replica()
      const faults: unknown[] = []
      const { client } = startClient(hub, {
        probeTimeoutMs: 20,
        fetchSnapshot: async () => {
          const snapshot = asSnapshot(hub.snapshot())
          await turns(8)
          return snapshot
        },
        onReload: ({ snapshot }) => replica.reload(snapshot?.position),
        logger: { error: (_message, error) => faults.push(error) },
      })
      client.on('*', (frame) => replica.apply(frame))
      try {
        for (const one of commands) await perform(one, hub, client)
        await hub.publish(1)
        const isWhole = () => client.getSnapshot().state === 'live' && replica.epoch === hub.epoch && replica.seq === hub.head
        await reached(client, isWhole).catch(() => {})
        expect({ ...replica, state: client.getSnapshot().state, faults }).toEqual({ epoch: hub.epoch, seq: hub.head, state: 'live', faults: [] })
      } finally {
        client.stop()
        await hub.stop()
      }
    }),
    { numRuns: 25 },
  )
})
