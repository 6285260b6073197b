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

const change = (version: number, key: string, value: object | null): RelayMessage => ({
  kind: 'state',
  since: version - 1,
  version,
  entries: [[key, value]],
  isWhole: false,
})
const whole = (version: number): RelayMessage => ({ kind: 'state', since: 0, version, entries: [], isWhole: true })

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

  test('changes of soft state that follow one another leave as one, each key with its latest value', async () => {
    const { outbox, payloads, messages } = watched()
    outbox.add(change(4, 'a', { count: 1 }))
    outbox.add({ kind: 'rights' })
    outbox.add(change(5, 'b', { count: 7 }))
    outbox.add(change(6, 'a', null))
    await Promise.resolve()
    const together: RelayMessage = {
      kind: 'state',
      since: 3,
      version: 6,
      entries: [
        ['a', null],
        ['b', { count: 7 }],
      ],
      isWhole: false,
    }
    expect(payloads.flatMap(messages)).toEqual([together, { kind: 'rights' }])
    payloads.length = 0
    outbox.add(change(7, 'c', null))
    outbox.add(change(9, 'd', null))
    outbox.flush()
    expect(payloads.map(messages)).toEqual([[change(7, 'c', null), change(9, 'd', null)]])
  })

  test('the whole leaves in place of what waits, and is asked for once', async () => {
    const { outbox, payloads, messages } = watched()
    const pull = (instance: string): RelayMessage => ({ kind: 'pull', instance })
    for (const instance of ['two', 'three', 'two']) outbox.add(pull(instance))
    outbox.add(change(4, 'a', null))
    outbox.add(whole(4))
    outbox.add(change(5, 'b', null))
    outbox.add(whole(5))
    outbox.add(change(6, 'c', { count: 2 }))
    await Promise.resolve()
    expect(payloads.flatMap(messages)).toEqual([pull('two'), pull('three'), whole(5), change(6, 'c', { count: 2 })])
  })

  test('nothing is sent twice when it is sent before its turn', async () => {
    const { outbox, payloads } = watched()
    outbox.add(head(1))
    outbox.flush()
    await Promise.resolve()
    expect(payloads).toHaveLength(1)
  })
})
