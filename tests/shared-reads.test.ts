import { expect, test } from 'bun:test'
import { SharedReads } from '~/utils/shared-reads'
import { ShortMemory } from '~/utils/short-memory'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Answers each question with twice its number, a read at a time, when the test says so. */
function source() {
  const asked: { questions: number[]; answer(): void; fail(): void }[] = []
  const read = (questions: number[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<number[]>()
    asked.push({ questions, answer: () => resolve(questions.map((number) => number * 2)), fail: () => reject(new Error('away')) })
    return promise
  }
  return { asked, shared: new SharedReads(read) }
}

test('questions that come while others are answered go together, in a read that begins after they were asked', async () => {
  const { asked, shared } = source()
  const answers = [1, 2, 3, 4, 5].map((number) => shared.ask(number))
  expect(asked.map(({ questions }) => questions)).toEqual([[1], [2]])
  asked[0]?.answer()
  await turn()
  expect(asked.map(({ questions }) => questions)).toEqual([[1], [2], [3, 4, 5]])
  answers.push(shared.ask(6))
  asked[2]?.answer()
  await turn()
  asked[1]?.answer()
  asked[3]?.answer()
  expect(await Promise.all(answers)).toEqual([2, 4, 6, 8, 10, 12])
  expect(asked[3]?.questions).toEqual([6])
})

test('equal questions that wait together are asked once, and one that comes after their read has begun is asked again', async () => {
  const { asked, shared } = source()
  const running = [shared.ask(1), shared.ask(2)]
  const answers = [3, 4, 3, 3].map((number) => shared.ask(number))
  asked[0]?.answer()
  await turn()
  expect(asked[2]?.questions).toEqual([3, 4])
  const late = shared.ask(3)
  asked[2]?.answer()
  await turn()
  expect(asked[3]?.questions).toEqual([3])
  asked[1]?.answer()
  asked[3]?.answer()
  expect(await Promise.all([...running, ...answers, late])).toEqual([2, 4, 6, 8, 6, 6, 6])
})

test('a read that fails fails for those that went with it, and the next ones are asked', async () => {
  const { asked, shared } = source()
  const settled = Promise.allSettled([1, 2, 3, 4].map((number) => shared.ask(number)))
  asked[0]?.answer()
  await turn()
  asked[2]?.fail()
  await turn()
  const next = shared.ask(5)
  asked[1]?.answer()
  asked[3]?.answer()
  expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected'])
  expect(await next).toBe(10)
})

test('what was asked before something was to be forgotten is no answer to whoever asks after it', async () => {
  const asked: PromiseWithResolvers<number>[] = []
  const ask = () => {
    const question = Promise.withResolvers<number>()
    asked.push(question)
    return question.promise
  }
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
