import { afterEach, expect, test } from 'bun:test'
import { live, seqs, settled, startClient, startHub, stopAll, when } from './support/client'
import { type FakeHub, hubStream } from './support/fake-hub'

afterEach(stopAll)

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
