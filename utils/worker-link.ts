/**
 * A worker's line to its supervisor (workers/supervisor.ts), by which one worker can ask all of them: whichever answers
 * `/metrics` or the statistics answers for the whole.
 */

export type Question = 'stats' | 'metrics'

export type ToSupervisor = { kind: 'ready' } | { kind: 'ask'; id: string; question: Question } | { kind: 'answer'; id: string; data: unknown }
export type ToWorker = { kind: 'question'; id: string; question: Question } | { kind: 'answers'; id: string; data: unknown[] }

/** A worker that does not answer within this long is left out. */
export const answerWithinMs = 500

export type Answers = { [Q in Question]: () => unknown }

const pending = new Map<string, (answers: unknown[]) => void>()
let isWorker = false

/** Called once in a worker when it is ready to serve; `answers` is asked for this worker's part. */
export function joinSupervisor(answers: Answers): void {
  if (!process.send) return
  isWorker = true
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'answers') return pending.get(message.id)?.(message.data)
    void Promise.resolve(answers[message.question]()).then((data) => tell({ kind: 'answer', id: message.id, data }))
  })
  tell({ kind: 'ready' })
}

const tell = (message: ToSupervisor) => process.send?.(message)

/** Whether there are others to ask. */
export const hasSupervisor = (): boolean => isWorker

/**
 * The answers of all workers, this one's among them; alone, just `own`. All workers run this same program, so their
 * answers have the form of `own`.
 */
export async function askWorkers<T>(question: Question, own: () => T | Promise<T>): Promise<T[]> {
  if (!isWorker) return [await own()]
  const id = Bun.randomUUIDv7()
  const { promise, resolve } = Promise.withResolvers<unknown[]>()
  pending.set(id, resolve)
  const timer = setTimeout(resolve, answerWithinMs * 2, [])
  tell({ kind: 'ask', id, question })
  const answers = (await promise) as T[]
  clearTimeout(timer)
  pending.delete(id)
  return answers.length > 0 ? answers : [await own()]
}
