import { afterEach, expect, test } from 'bun:test'
import type { Reload } from '~/ui/client/options'
import { asSnapshot, live, seqs, settled, startClient, startHub, stopAll, when } from './support/client'
import { hubStream } from './support/fake-hub'

afterEach(stopAll)

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
