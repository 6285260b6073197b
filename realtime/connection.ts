import type { ServerWebSocket } from 'bun'
import { encodeFrame, withReply } from '~/realtime/protocol'
import { SendWindow } from '~/realtime/send-window'
import { Subscriptions } from '~/realtime/subscription'
import type { HubData, HubFrameType } from '~/utils/contracts/frames'
import { type CloseCode, closeCodes, type WsErrorCode } from '~/utils/contracts/ws-codes'
import { logger } from '~/utils/logger'
import { metrics } from '~/utils/metrics'
import { TokenBucket } from '~/utils/token-bucket'

export type Socket = ServerWebSocket<Connection>

/** A session that a socket acts for; the lookups of realtime/hub.ts produce it. */
export type SocketSession = { sessionId: string; userId: string; kind: 'person' | 'device'; name: string; expiresAt: string | null }

/** Who a socket is once `authenticate` has succeeded. */
export type SocketUser = Omit<SocketSession, 'expiresAt'> & {
  storeId: string | null
  deviceId: string | null
  /** When the session ends, in Unix time; `Infinity` when it lives until it is revoked. */
  endsAtMs: number
  isExpiryTold: boolean
}

/** When a session ends, as `endsAtMs` keeps it. */
export const endOf = ({ expiresAt }: Pick<SocketSession, 'expiresAt'>): number =>
  expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt)

/** What a client may send: 20 messages a second, 100 at once. */
const messagesPerSecond = 20
const messageBurst = 100
/** Closed after this many messages past the limit. */
const maxExcess = 50
/** Closed at this many invalid messages within a minute. */
const maxInvalid = 10
const invalidWindowMs = 60_000
/** How often the bound a burst may wait, for as long as the peer has had no time to answer. */
const hopedBounds = 4
const sendFailed = 'A send failed'
/** Closed by us for what a peer or a fault did, and lost without a word: the log shows these as warnings. */
const faults: ReadonlySet<number> = new Set<CloseCode>([1003, 1009, 1011, 4400, 4408, 4409, 4429])
const connectionLost = 1006

/**
 * One socket: what is known of it, and the only way to send to it. A frame goes out whole and in order, or the socket
 * is closed: there is never a hole. Kept small and of one shape, since there may be tens of thousands.
 */
export class Connection {
  readonly sessionId = Bun.randomUUIDv7()
  readonly openedAt: number
  /** The last time anything was heard, and the last heartbeat sent; `performance.now()`. */
  heardAt: number
  beatAt: number
  isClosed = false
  user: SocketUser | null = null
  readonly subscriptions = new Subscriptions()
  /** Orders followed by tracking token, with the stream of their store. */
  tracked: Map<string, string> | null = null
  /** Messages that must wait for an asynchronous one before them; null when there is none. */
  lane: Promise<void> | null = null
  /** The length of the messages in the lane. */
  waitingLength = 0
  /** Settles when all that was subscribed is live. */
  catchUp: Promise<void> | null = null
  isPongDue = false

  private socket: Socket | null = null
  private isCongested = false
  private onDrained: (() => void)[] | null = null
  private readonly window: SendWindow
  private readonly bucket: TokenBucket
  private excess = 0
  /** When the last invalid messages came; null when none ever did. */
  private invalid: number[] | null = null
  /** Asked once: it costs nothing a frame when it is off. */
  private readonly isTraced = logger.isLevelEnabled('debug')

  constructor(
    /** The address under which a socket of nobody counts; empty for one that came with a session. */
    readonly address: string,
    /** The live session of the upgrade's cookie or bearer, if there was one. */
    readonly upgradeSession: SocketSession | null,
    readonly maxBufferedBytes: number,
    private readonly onClosing: (connection: Connection, code: number) => void,
    now: number,
  ) {
    this.openedAt = now
    this.heardAt = now
    this.beatAt = now
    this.window = new SendWindow(maxBufferedBytes)
    this.bucket = new TokenBucket(messagesPerSecond, messageBurst, now)
  }

  attach(socket: Socket): this {
    this.socket = socket
    return this
  }

  /** Sends one frame. */
  send(frame: string): void {
    this.post([frame], Buffer.byteLength(frame))
  }

  /** Sends frames of the given total size in one system call; more than the bound at once goes frame by frame. */
  sendAll(frames: readonly string[], totalBytes: number): void {
    if (totalBytes <= this.maxBufferedBytes) return this.post(frames, totalBytes)
    for (const frame of frames) this.send(frame)
  }

  private post(frames: readonly string[], bytes: number): void {
    const { socket, window } = this
    if (this.isClosed || !socket) return
    const hasRoom = window.hasRoom(bytes)
    if ((this.isCongested || !hasRoom) && this.isOverBound(socket, bytes)) return
    if (this.isTraced) for (const frame of frames) this.logFrame('out', typeOf(frame), Buffer.byteLength(frame))
    if (hasRoom) this.write(socket, frames, bytes)
    else if (window.hold({ frames, bytes })) socket.ping(window.ping())
  }

  /** Inside a cork `send` tells nothing of backpressure: what stayed behind is seen after it. */
  private write(socket: Socket, frames: readonly string[], bytes: number): void {
    const isPingDue = this.window.pass(bytes)
    const [only] = frames
    let isSent = true
    if (only !== undefined && frames.length === 1 && !isPingDue) {
      const status = socket.send(only)
      isSent = status !== 0
      if (status < 0) this.isCongested = true
    } else {
      socket.cork(() => {
        // Nothing may follow a frame that did not go out.
        isSent = frames.every((frame) => socket.send(frame) !== 0)
        if (isSent && isPingDue) socket.ping(this.window.ping())
      })
      if (socket.getBufferedAmount() > 0) this.isCongested = true
    }
    if (!isSent) this.close(4408, sendFailed)
  }

  /** Past the bound the socket is given up; a single frame goes out when nothing else waits. */
  private isOverBound(socket: Socket, bytes: number): boolean {
    const unsentBytes = socket.getBufferedAmount()
    if (unsentBytes === 0) this.isCongested = false
    const waitingBytes = unsentBytes + this.window.heldBytes
    if (waitingBytes === 0 || waitingBytes + bytes <= this.maxBufferedBytes) return false
    // A peer that was asked just now may be about to answer; what the kernel has no room for is past hope.
    const isHoped = unsentBytes === 0 && waitingBytes + bytes <= this.maxBufferedBytes * hopedBounds && !this.window.isOverdue
    if (isHoped) return false
    this.close(4408)
    return true
  }

  /** One line a frame at LOG_LEVEL=debug: what it is and how long, never what it says. */
  logFrame(direction: 'in' | 'out', type: string, bytes: number): void {
    if (this.isTraced) logger.debug({ sessionId: this.sessionId, type, bytes, direction }, 'websocket: frame')
  }

  sendMessage<T extends HubFrameType>(type: T, data: HubData[T], replyTo?: string): void {
    this.send(encodeFrame(type, withReply(data, replyTo)))
  }

  sendError(code: WsErrorCode, message: string, replyTo?: string, retryAfterMs?: number): void {
    metrics.rejected.inc({ reason: code })
    this.sendMessage('error', { code, message, ...(retryAfterMs !== undefined && { retryAfterMs }) }, replyTo)
  }

  ping(): void {
    if (!this.isClosed) this.socket?.ping(this.window.ping())
  }

  /** Runs `work` so that everything it sends leaves in one system call. */
  cork(work: () => void): void {
    if (this.socket && !this.isClosed) this.socket.cork(work)
  }

  /** How much waits until the peer has read what was sent before. */
  get bufferedBytes(): number {
    return this.isClosed ? 0 : (this.socket?.getBufferedAmount() ?? 0) + this.window.heldBytes
  }

  /** Resolves when the peer has read more, or the socket is closed. */
  drained(): Promise<void> {
    return this.isClosed ? Promise.resolve() : new Promise((resolve) => this.resumeWhenDrained(resolve))
  }

  private resumeWhenDrained(resume: () => void): void {
    this.onDrained ??= []
    this.onDrained.push(resume)
  }

  handleDrain(): void {
    if (this.socket?.getBufferedAmount() === 0) this.isCongested = false
    this.wakeDrained()
  }

  /** A pong came. False: nothing was learnt from it. */
  handlePong(payload: string): boolean {
    if (!this.window.answer(payload)) return false
    const { socket } = this
    for (let held = this.window.next(); held && socket && !this.isClosed; held = this.window.next()) {
      this.write(socket, held.frames, held.bytes)
    }
    // The pong may have told of less than what waits has to have read before it.
    if (this.window.isStuck) this.ping()
    this.wakeDrained()
    return true
  }

  private wakeDrained(): void {
    const waiting = this.onDrained
    if (!waiting) return
    this.onDrained = null
    for (const resume of waiting) resume()
  }

  /** False: the message is not to be handled; the client was told, or the socket closed. */
  admit(now: number, replyTo?: string): boolean {
    const waitMs = this.bucket.take(now)
    if (waitMs === 0) {
      this.excess = 0
      return true
    }
    this.excess += 1
    if (this.excess === 1) this.sendError('rate_limited', 'Too many messages', replyTo, Math.ceil(waitMs))
    if (this.excess > maxExcess) this.close(4429)
    return false
  }

  /**
   * Counts an invalid message and says so; the tenth within a minute ends the socket. The log hears of the first one, and
   * only `problem`: `reason` may hold names that the client made up.
   */
  refuse(now: number, { problem, reason, id }: { problem: string; reason: string; id: string | undefined }): void {
    this.invalid = [...(this.invalid ?? []).filter((at) => now - at < invalidWindowMs), now]
    if (this.invalid.length === 1) logger.warn({ sessionId: this.sessionId, problem }, 'websocket: invalid frame')
    if (this.invalid.length >= maxInvalid) return this.close(4400)
    this.sendError('invalid_message', reason, id)
  }

  /** Closes with a code of the table; what was sent before arrives first. Idempotent. */
  close(code: CloseCode, reason: string = closeCodes[code].meaning): void {
    if (this.isClosed) return
    const { socket, window } = this
    if (socket && code !== 4408 && code !== 4409) {
      for (let held = window.takeHeld(); held; held = window.takeHeld()) for (const frame of held.frames) socket.send(frame)
    }
    this.finish(code)
    socket?.close(code, reason)
  }

  private finish(code: number): void {
    this.isClosed = true
    this.wakeDrained()
    this.onClosing(this, code)
  }

  /** The runtime says that the socket is gone: by `close`, or by the peer, whose own words only a debug line repeats. */
  handleClose(code: number, reason: string): void {
    const isFault = this.isClosed ? faults.has(code) : code === connectionLost
    if (!this.isClosed) this.finish(code)
    this.socket = null
    logger[isFault ? 'warn' : 'debug']({ sessionId: this.sessionId, code, reason }, 'websocket: closed')
  }
}

/** Every frame of the hub begins with its type. */
const typeOf = (frame: string): string => frame.slice('{"type":"'.length, frame.indexOf('"', '{"type":"'.length))
