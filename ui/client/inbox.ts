/**
 * Frames in the order of their arrival, although some take time (a sealed one must be opened first): one that comes
 * while another is being handled waits for it. Without such a one everything is handled at once.
 */
export class Inbox<T> {
  #waiting: T[] = []
  #isBusy = false
  #generation = 0

  /** `handle` answers a promise when the next one must wait. It never throws. */
  constructor(private readonly handle: (item: T) => undefined | Promise<void>) {}

  put(item: T): void {
    this.#waiting.push(item)
    if (!this.#isBusy) this.#run()
  }

  #run(): void {
    this.#isBusy = true
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const running = this.handle(next)
      if (!running) continue
      const generation = this.#generation
      running.finally(() => {
        if (generation === this.#generation) this.#run()
      })
      return
    }
    this.#isBusy = false
  }

  /** What waits is forgotten. */
  clear(): void {
    this.#waiting = []
    this.#isBusy = false
    this.#generation += 1
  }
}
