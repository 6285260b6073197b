import { describe, expect, test } from 'bun:test'
import { Assembly, Outbox } from '~/realtime/relay/envelope'
import type { RelayMessage } from '~/realtime/relay/relay'

/** Hands each payload to whoever waits for the next one. */
function watched() {
  const payloads: string[] = []
  let heard = Promise.withResolvers<void>()
  const outbox = new Outbox('one', 1_000, (payload) => {
    payloads.push(payload)
    heard.resolve()
    heard = Promise.withResolvers()
  })
  const messages = (payload: string | undefined) => new Assembly().read(payload ?? '')?.messages
  return { outbox, payloads, messages, next: () => heard.promise }
}

const head = (seq: number): RelayMessage => ({ kind: 'head', stream: 'store:a', seq })

describe('what instances tell each other', () => {
  test('leaves in the turn in which it was said, all of it together', async () => {
    const { outbox, payloads, messages } = watched()
    outbox.add(head(1))
    outbox.add({ kind: 'rights' })
    expect(payloads).toEqual([])
    await Promise.resolve()
    expect(payloads.map(messages)).toEqual([[{ kind: 'rights' }, head(1)]])
  })

  test('of a stream only the highest number leaves, also when it follows closely on another', async () => {
    const { outbox, payloads, messages, next } = watched()
    outbox.add(head(1))
    await Promise.resolve()
    const second = next()
    for (const seq of [2, 4, 3]) outbox.add(head(seq))
    await second
    expect(payloads.map(messages)).toEqual([[head(1)], [head(4)]])
  })

  test('nothing is sent twice when it is sent before its turn', async () => {
    const { outbox, payloads } = watched()
    outbox.add(head(1))
    outbox.flush()
    await Promise.resolve()
    expect(payloads).toHaveLength(1)
  })
})
