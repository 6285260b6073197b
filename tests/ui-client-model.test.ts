import { afterEach, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ZipZapClient } from '~/ui/client/client'
import type { ApplicationFrame } from '~/ui/client/frames'
import { asSnapshot, startClient, stopAll } from './support/client'
import { FakeHub } from './support/fake-hub'

afterEach(stopAll)

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
