import { expect, test } from 'bun:test'
import { Shared } from '~/realtime/shared-reads'
import { ShortMemory } from '~/utils/short-memory'

/** A source whose answers a test gives, one by one. */
function source() {
  const asked: PromiseWithResolvers<number>[] = []
  const ask = () => {
    const question = Promise.withResolvers<number>()
    asked.push(question)
    return question.promise
  }
  return { asked, ask }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('whoever asks while a read is under way shares one that begins after he asked', async () => {
  const { asked, ask } = source()
  const shared = new Shared<number>()
  const first = shared.read('a', ask)
  const later = [shared.read('a', ask), shared.read('a', ask)]
  expect(asked).toHaveLength(1)
  asked[0]?.resolve(1)
  expect(await first).toBe(1)
  await turn()
  expect(asked).toHaveLength(2)
  const latest = shared.read('a', ask)
  asked[1]?.resolve(2)
  expect(await Promise.all(later)).toEqual([2, 2])
  await turn()
  asked[2]?.resolve(3)
  expect(await latest).toBe(3)
  expect(asked).toHaveLength(3)
})

test('other questions do not wait, and a failure is that of its own read', async () => {
  const { asked, ask } = source()
  const shared = new Shared<number>()
  const [failing, other] = [shared.read('a', ask), shared.read('b', ask)]
  const next = shared.read('a', ask)
  expect(asked).toHaveLength(2)
  asked[0]?.reject(new Error('away'))
  await expect(failing).rejects.toThrow('away')
  await turn()
  asked[2]?.resolve(3)
  expect(await next).toBe(3)
  asked[1]?.resolve(2)
  expect(await other).toBe(2)
})

test('what was asked before something was to be forgotten is no answer to whoever asks after it', async () => {
  const { asked, ask } = source()
  const memory = new ShortMemory<number>(60_000)
  const before = [memory.remember('a', ask), memory.remember('a', ask)]
  expect(asked).toHaveLength(1)
  memory.clear()
  const after = memory.remember('a', ask)
  expect(asked).toHaveLength(2)
  asked[0]?.resolve(1)
  asked[1]?.resolve(2)
  expect(await Promise.all([...before, after])).toEqual([1, 1, 2])
  expect(await memory.remember('a', ask)).toBe(2)
})
