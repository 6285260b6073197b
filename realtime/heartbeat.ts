import { type Connection, endOf, type SocketUser } from '~/realtime/connection'
import type { HubContext } from '~/realtime/context'
import { syncFrame } from '~/realtime/sync'
import { logger } from '~/utils/logger'
import { every, tickMs } from '~/utils/ticker'

/** Thousands that came together are due together: other work is let in after so long. */
const sliceMs = 5
/** At least: the first beat of a slice may have to send all that a large stream holds back. */
const beatsPerSlice = 100
/** How long before its end a client is told that its session expires. */
const expiryNoticeMs = 60_000

/**
 * Sends each socket its protocol ping and `sync` when they are due, and closes silent ones, anonymous ones past their time
 * and ended sessions. Most sockets are looked at when a heartbeat is due and not before; the watched ones several times in
 * between. `idleTimeout` of the runtime would not do: it never fires while the server keeps sending to a dead peer.
 */
export class Heartbeat {
  private readonly intervalMs: number
  private stopTicking: (() => void) | undefined
  private lookedAt = 0
  /** What the sweep under way has not looked at yet, while it lets other work in. */
  private rest: Iterator<Connection> | null = null

  constructor(private readonly hub: HubContext) {
    this.intervalMs = Math.min(tickMs, Math.max(50, hub.config.ws.heartbeatMs / 8))
  }

  start(): void {
    this.lookedAt = performance.now()
    this.stopTicking = every(this.intervalMs, () => {
      if (!this.rest) this.sweep(this.due())
    })
  }

  stop(): void {
    this.stopTicking?.()
    this.rest = null
  }

  private *due(): Generator<Connection> {
    const { sockets, config } = this.hub
    yield* sockets.watched
    for (const connection of sockets) {
      if (performance.now() - connection.beatAt < config.ws.heartbeatMs) return
      yield connection
    }
  }

  /** Goes on where the slice before ended. */
  private sweep(due: Iterator<Connection>): void {
    const now = performance.now()
    this.forgivePause(now)
    this.rest = null
    let beats = 0
    for (let next = due.next(); !next.done; next = due.next()) {
      if (!this.lookSafely(next.value, now)) continue
      beats += 1
      if (beats < beatsPerSlice || performance.now() - now < sliceMs) continue
      this.rest = due
      setImmediate(() => this.rest && this.sweep(this.rest))
      return
    }
  }

  /** After a pause of this very process nobody could be heard: that is not the clients' silence. */
  private forgivePause(now: number): void {
    const pausedMs = now - this.lookedAt - this.intervalMs * 2
    this.lookedAt = now
    if (pausedMs > 0) for (const connection of this.hub.sockets) connection.heardAt += pausedMs
  }

  private lookSafely(connection: Connection, now: number): boolean {
    try {
      return this.look(connection, now)
    } catch (error) {
      logger.error({ err: error, sessionId: connection.sessionId }, 'websocket: heartbeat failed')
      connection.close(1011)
      return true
    }
  }

  /** Whether something was sent. */
  private look(connection: Connection, now: number): boolean {
    const { heartbeatMs, authTimeoutMs } = this.hub.config.ws
    if (now - connection.heardAt > heartbeatMs * 2) connection.close(4409)
    else if (!connection.user && !connection.tracked && now - connection.openedAt > authTimeoutMs) connection.close(4401, 'Not authenticated in time')
    else if (connection.user && connection.user.endsAtMs - Date.now() <= expiryNoticeMs) this.lookAtExpiry(connection, connection.user)
    if (connection.isClosed) return true
    const isDue = now - connection.beatAt >= heartbeatMs
    if (isDue) this.beat(connection, now)
    const { sockets } = this.hub
    if (this.isSafeUntilNextBeat(connection)) sockets.watched.delete(connection)
    else sockets.watch(connection)
    return isDue
  }

  private isSafeUntilNextBeat({ user, heardAt, beatAt }: Connection): boolean {
    const { heartbeatMs } = this.hub.config.ws
    // Who answered the last heartbeat but one is silent for two at the next: to the second, as looks are.
    const isHeard = heardAt + heartbeatMs >= beatAt - this.intervalMs
    return isHeard && user !== null && user.endsAtMs - expiryNoticeMs > Date.now() + heartbeatMs + this.intervalMs
  }

  /** Everything up to the positions of a `sync` was sent before it: what a stream holds back goes out first. */
  private beat(connection: Connection, now: number): void {
    connection.beatAt = now
    this.hub.sockets.moveToEnd(connection)
    for (const { stream } of connection.subscriptions) stream.flush()
    connection.cork(() => {
      connection.ping()
      if (connection.subscriptions.size > 0) connection.send(syncFrame(connection.subscriptions))
    })
  }

  private lookAtExpiry(connection: Connection, user: SocketUser): void {
    const isOver = user.endsAtMs <= Date.now()
    if (user.isExpiryTold && !isOver) return
    user.isExpiryTold = true
    // The session may have been used elsewhere since: the database knows.
    this.hub.lookups
      .findSessionById(user.sessionId)
      .then((session) => {
        if (connection.isClosed || connection.user?.sessionId !== user.sessionId) return
        if (!session || (isOver && endOf(session) === user.endsAtMs)) return connection.close(4401, 'The session has ended')
        connection.user.endsAtMs = endOf(session)
        const isNear = endOf(session) - Date.now() <= expiryNoticeMs
        connection.user.isExpiryTold = isNear
        if (isNear && !isOver && session.expiresAt !== null) connection.sendMessage('session_expiring', { expiresAt: session.expiresAt })
      })
      .catch((error: unknown) => {
        user.isExpiryTold = false
        logger.warn({ err: error }, 'websocket: a session could not be looked up')
      })
  }
}
