import { logger } from '~/utils/logger'

export const tickMs = 1_000

type Job = (lateMs: number) => void

/** One timer, and all that is done with it. */
class Ticker {
  private readonly jobs = new Set<Job>()
  private timer: Timer | undefined
  private dueAt = 0

  constructor(private readonly intervalMs: number) {}

  add(job: Job): () => void {
    const own: Job = (lateMs) => job(lateMs)
    this.jobs.add(own)
    if (!this.timer) this.start()
    return () => {
      this.jobs.delete(own)
      if (this.jobs.size === 0) this.stop()
    }
  }

  private start(): void {
    this.dueAt = performance.now() + this.intervalMs
    this.timer = setInterval(() => this.tick(), this.intervalMs)
    this.timer.unref()
  }

  private stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  private tick(): void {
    const now = performance.now()
    const lateMs = Math.max(0, now - this.dueAt)
    this.dueAt = now + this.intervalMs
    // What one of them stops is not run any more; what it adds is run from the next tick on.
    for (const job of [...this.jobs]) if (this.jobs.has(job)) runSafely(job, lateMs)
  }
}

function runSafely(job: Job, lateMs: number): void {
  try {
    job(lateMs)
  } catch (error) {
    logger.error({ err: error }, 'a timed job failed')
  }
}

const tickers = new Map<number, Ticker>()

/**
 * Runs `job` every so often, in one turn of the event loop with all others of the same interval; `lateMs` is how late that
 * turn came. Waking an idle process costs more than most of what it then does: its caches are cold, and the allocator's
 * thread wakes along with it. What a job throws is logged. Keeps no process alive. Returns what ends it.
 */
export function every(intervalMs: number, job: Job): () => void {
  const ticker = tickers.get(intervalMs) ?? new Ticker(intervalMs)
  tickers.set(intervalMs, ticker)
  return ticker.add(job)
}

export const everySecond = (job: Job): (() => void) => every(tickMs, job)
