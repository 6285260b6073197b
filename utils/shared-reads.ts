/** Reads under way at the same time, so that one that waits for a lock does not hold up all others. */
const maxRunning = 2
const maxQuestions = 200

type Waiting<Question, Answer> = { question: Question; answer: PromiseWithResolvers<Answer> }

/**
 * Questions to the database that come while others are being answered go together with the next read. It begins after
 * each of them was asked, so that no answer is older than it would be alone; a lone question waits for nothing. Equal
 * questions that wait together are one, and share their answer: nobody may change it. A read that fails fails for all
 * that went with it.
 */
export class SharedReads<Question, Answer> {
  /** By their JSON, in the order in which they came. */
  private readonly waiting = new Map<string, Waiting<Question, Answer>>()
  private running = 0

  /** `read` answers as many as it is asked, in their order. */
  constructor(private readonly read: (questions: Question[]) => Promise<Answer[]>) {}

  ask(question: Question): Promise<Answer> {
    const key = JSON.stringify(question)
    const equal = this.waiting.get(key)
    if (equal) return equal.answer.promise
    const answer = Promise.withResolvers<Answer>()
    this.waiting.set(key, { question, answer })
    if (this.running < maxRunning) void this.readNext()
    return answer.promise
  }

  private async readNext(): Promise<void> {
    const batch = this.takeBatch()
    this.running += 1
    try {
      const answers = await this.read(batch.map(({ question }) => question))
      for (const [index, { answer }] of batch.entries()) {
        const found = answers[index]
        if (found === undefined) answer.reject(new Error('A question was not answered'))
        else answer.resolve(found)
      }
    } catch (error) {
      for (const { answer } of batch) answer.reject(error)
    }
    this.running -= 1
    if (this.waiting.size > 0) void this.readNext()
  }

  private takeBatch(): Waiting<Question, Answer>[] {
    const batch = [...this.waiting.entries().take(maxQuestions)]
    for (const [key] of batch) this.waiting.delete(key)
    return batch.map(([, waiting]) => waiting)
  }
}
