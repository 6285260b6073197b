import { type ClientSnapshot, ZipZapClient } from '~/ui/client/client'
import type { ApplicationFrame } from '~/ui/client/frames'
import type { ClientOptions } from '~/ui/client/options'
import type { ClientState } from '~/ui/client/states'
import type { Snapshot } from '~/utils/contracts/snapshot'
import { FakeHub, hubStore, hubUser } from './fake-hub'

/** The front end's client before a hub that does what a test wants. */

const open: { stop(): void | Promise<void> }[] = []
/** Ends every hub and client of a test. */
export async function stopAll(): Promise<void> {
  for (const one of open.splice(0).reverse()) await one.stop()
}

export function startHub(heartbeatMs?: number): FakeHub {
  const hub = new FakeHub(heartbeatMs)
  open.push(hub)
  return hub
}

/** The hub's snapshot has what the client looks at, and no rows. */
export const asSnapshot = (snapshot: object) => snapshot as Snapshot

export function startClient(hub: FakeHub, options: Partial<ClientOptions> = {}) {
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
export function when(client: ZipZapClient, fits: (snapshot: ClientSnapshot) => boolean, timeoutMs = 15_000): Promise<void> {
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

export const live = (client: ZipZapClient) => when(client, (snapshot) => snapshot.state === 'live')

/** Everything that the hub sent before is handled: frames keep their order. */
export async function settled(client: ZipZapClient): Promise<void> {
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

export const seqs = (events: ApplicationFrame[]) => events.map((frame) => ('seq' in frame ? frame.seq : 0))
