import { compareWithLog } from '~/db/comparison'
import { renewEpochsAfterRestore } from '~/db/epochs'
import type { HubContext } from '~/realtime/context'
import { logger } from '~/utils/logger'
import { metrics } from '~/utils/metrics'
import { everySecond } from '~/utils/ticker'

/** Ended sessions are looked for since the last look, and so much longer: the two clocks and a slow commit. */
const endedWithinSeconds = 10
const touchEveryMs = 30 * 60_000
const tidyEveryMs = 15_000

/** What this instance knows is compared with the database every second: whatever no news told of is found then. */
export class Reconciliation {
  private stopTicking: (() => void) | undefined
  private isRunning = false
  private touchedAt = performance.now()
  private tidiedAt = performance.now()
  private endedReadAt = performance.now()

  constructor(
    private readonly hub: HubContext,
    private readonly closeSessions: (sessionIds: string[]) => void,
  ) {}

  start(): void {
    this.stopTicking = everySecond(() => void this.run())
  }

  stop(): void {
    this.stopTicking?.()
  }

  /** Now, unless it is under way. Never rejects. */
  async run(): Promise<void> {
    if (this.isRunning) return
    this.isRunning = true
    try {
      await this.compare()
      this.tidyStreams()
      await this.touchOpenSessions()
    } catch (error) {
      logger.warn({ err: error }, 'websocket: the log could not be compared')
    } finally {
      this.isRunning = false
    }
  }

  private async compare(): Promise<void> {
    const { streams, sockets } = this.hub
    const startedAt = performance.now()
    const endedWithin = (startedAt - this.endedReadAt) / 1000 + endedWithinSeconds
    let furthest = 0
    for (const [part, comparison] of streams.comparisons.entries()) {
      // Ended sessions come with the first part, and none with the others.
      const { isAnotherLog, heads, endedSessions } = await compareWithLog(comparison.question, part === 0 ? endedWithin : 0)
      // Heads of a database that was replaced must not be taken for news of the log before: they count from the next time on.
      if (isAnotherLog) return void (await renewEpochsAfterRestore())
      furthest = Math.max(furthest, streams.catchUp(comparison, heads))
      if (sockets.size > 0) this.closeSessions(endedSessions)
    }
    metrics.lagEvents.set(furthest)
    this.endedReadAt = startedAt
  }

  private tidyStreams(): void {
    const now = performance.now()
    if (now - this.tidiedAt < tidyEveryMs) return
    this.tidiedAt = now
    this.hub.streams.tidy(now)
  }

  /** An open socket is a use of its session. */
  private async touchOpenSessions(): Promise<void> {
    if (performance.now() - this.touchedAt < touchEveryMs) return
    this.touchedAt = performance.now()
    const sessionIds = [...this.hub.sockets].flatMap((connection) => connection.user?.sessionId ?? [])
    await this.hub.lookups.touchSessions([...new Set(sessionIds)])
  }
}
