import { logger } from '~/utils/logger'

export const tickMs = 1_000

type Job = (lateMs: number) => void

const jobs = new Set<Job>()
let timer: Timer | undefined
let dueAt = 0

/**
 * Runs `job` every second, in one turn of the event loop with all others that ask for it; `lateMs` is how late that turn
 * came. Waking an idle process costs more than most of what it then does: its caches are cold, and the allocator's thread
 * wakes along with it. What a job throws is logged. Returns what ends it.
 */
export function everySecond(job: Job): () => void {
  const own: Job = (lateMs) => job(lateMs)
  jobs.add(own)
  if (!timer) {
    dueAt = performance.now() + tickMs
    timer = setInterval(tick, tickMs)
  }
  return () => {
    jobs.delete(own)
    if (jobs.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** Of any interval: a second's is shared. */
export function every(intervalMs: number, job: () => void): () => void {
  if (intervalMs === tickMs) return everySecond(job)
  const own = setInterval(job, intervalMs)
  return () => clearInterval(own)
}

function tick(): void {
  const now = performance.now()
  const lateMs = Math.max(0, now - dueAt)
  dueAt = now + tickMs
  for (const job of jobs) {
    try {
      job(lateMs)
    } catch (error) {
      logger.error({ err: error }, 'a job of every second failed')
    }
  }
}
