import { renewEpochsAfterRestore } from '~/db/epochs'
import { readEndedSessions } from '~/db/hub-reads'
import type { HubContext } from '~/realtime/context'
import { logger } from '~/utils/logger'
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
    const { streams } = this.hub
    try {
      // First: heads of a database that was replaced must not be taken for news of the log before.
      await renewEpochsAfterRestore()
      // Together: an idle process is woken once for both answers, and that is most of what they cost.
      await Promise.all([streams.reconcile(), this.closeEndedSessions()])
      this.tidyStreams()
      await this.touchOpenSessions()
    } catch (error) {
      logger.warn({ err: error }, 'websocket: the log could not be compared')
    } finally {
      this.isRunning = false
    }
  }

  private tidyStreams(): void {
    const now = performance.now()
    if (now - this.tidiedAt < tidyEveryMs) return
    this.tidiedAt = now
    this.hub.streams.tidy(now)
  }

  /** Those that another instance ended without our hearing of it. */
  private async closeEndedSessions(): Promise<void> {
    const startedAt = performance.now()
    const sinceSeconds = (startedAt - this.endedReadAt) / 1000 + endedWithinSeconds
    if (this.hub.sockets.size > 0) this.closeSessions(await readEndedSessions(sinceSeconds))
    this.endedReadAt = startedAt
  }

  /** An open socket is a use of its session. */
  private async touchOpenSessions(): Promise<void> {
    if (performance.now() - this.touchedAt < touchEveryMs) return
    this.touchedAt = performance.now()
    const sessionIds = [...this.hub.sockets].flatMap((connection) => connection.user?.sessionId ?? [])
    await this.hub.lookups.touchSessions([...new Set(sessionIds)])
  }
}
