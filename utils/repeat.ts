import { logger } from '~/utils/logger'

export type Repeating = { stop(): Promise<void> }

/**
 * Runs `job` every `everyMs`, first after that time, never twice at once. What it throws is logged and costs that round
 * only. `stop` resolves when a running round is over.
 */
export function repeat(name: string, everyMs: number, job: () => Promise<unknown>): Repeating {
  let running: Promise<void> | undefined
  const round = async () => {
    try {
      await job()
    } catch (error) {
      logger.error({ err: error, job: name }, 'a timed job failed')
    }
    running = undefined
  }
  const timer = setInterval(() => {
    running ??= round()
  }, everyMs)
  return {
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}
