import { type OpenFrame, parseFrame } from '~/ui/client/frames'
import type { ClientLogger } from '~/ui/client/options'
import type { ServerFrame } from '~/utils/contracts/frames'

export type LinkTiming = { connectTimeoutMs: number; probeTimeoutMs: number }

export type LinkListener = {
  onFrame(link: Link, frame: ServerFrame): void
  /** Nothing came for more than one and a half heartbeats; the link is being probed. */
  onSilent(link: Link): void
  onHeard(link: Link): void
  onLatency(link: Link, ms: number): void
  /** Called once, and not after `close`. */
  onLost(link: Link, code: number, reason: string): void
}

/** How far the link has come; `live` when every stream that was asked for is. */
export type LinkPhase = 'connecting' | 'authenticating' | 'catching_up' | 'live'

const subprotocol = 'zipzap.v1'
/** Until the greeting tells. */
const assumedHeartbeatMs = 30_000
/** RFC 6455 §7.1.5: no close frame was seen. */
const abnormal = 1006

/** One socket, from its opening to its end: frames in and out, and whether the other side is still there. */
export class Link {
  phase: LinkPhase = 'connecting'
  /** The id of the `authenticate` that is not answered yet. */
  authenticating: string | undefined
  /** Streams whose `sync {live}` has not come. */
  readonly pending = new Set<string>()
  readonly openedAt = performance.now()
  readonly #socket: WebSocket
  #heardAt = performance.now()
  #heartbeatMs = assumedHeartbeatMs
  #watchdog: ReturnType<typeof setInterval> | undefined
  #deadline: ReturnType<typeof setTimeout> | undefined
  #ping: { id: string; sentAt: number } | undefined
  #pings = 0
  #isSilent = false
  #isOver = false

  constructor(
    url: string,
    Socket: typeof WebSocket,
    private readonly timing: LinkTiming,
    private readonly listener: LinkListener,
    private readonly logger: ClientLogger,
  ) {
    this.#socket = new Socket(url, subprotocol)
    this.#socket.onmessage = (event) => this.#hear(event.data)
    this.#socket.onclose = (event) => this.#lose(event.code, event.reason)
    this.#deadline = setTimeout(() => this.#lose(abnormal, 'not accepted in time'), timing.connectTimeoutMs)
  }

  #hear(text: unknown): void {
    if (this.#isOver) return
    this.#heardAt = performance.now()
    if (this.phase !== 'connecting' && this.phase !== 'authenticating') this.#endProbe()
    const frame = parseFrame(text)
    if (!frame) return this.logger.warn?.('a frame that is none was passed over')
    if (this.#isSilent) {
      this.#isSilent = false
      this.listener.onHeard(this)
    }
    if (frame.type === 'pong') return this.#hearPong(frame.data)
    if (frame.type === 'ping') return void this.send({ type: 'pong' })
    this.listener.onFrame(this, frame)
  }

  #hearPong(data: Extract<OpenFrame, { type: 'pong' }>['data']): void {
    if (!this.#ping || data.replyTo !== this.#ping.id) return
    this.listener.onLatency(this, performance.now() - this.#ping.sentAt)
    this.#ping = undefined
  }

  /** The greeting came: it tells how often to expect a sign of life. */
  greeted(heartbeatMs: number): void {
    this.phase = 'authenticating'
    this.#heartbeatMs = heartbeatMs
    this.#watchdog = setInterval(() => this.#watch(), heartbeatMs / 4)
  }

  /** The hub accepted the identity: the time for opening is over. */
  accepted(): void {
    if (this.phase !== 'authenticating') return
    this.phase = 'catching_up'
    this.#endProbe()
    this.measure()
  }

  #watch(): void {
    const idleMs = performance.now() - this.#heardAt
    if (idleMs > this.#heartbeatMs * 1.5) {
      if (!this.#isSilent) {
        this.#isSilent = true
        this.listener.onSilent(this)
      }
      this.probe()
    } else if (idleMs > this.#heartbeatMs) this.measure()
  }

  /** Asks for a sign of life; without one within the deadline the link is lost. */
  probe(): void {
    this.measure()
    if (!this.#isOver) this.#deadline ??= setTimeout(() => this.#lose(abnormal, 'no sign of life'), this.timing.probeTimeoutMs)
  }

  #endProbe(): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
  }

  /** A ping, which also tells how long an answer takes. */
  measure(): void {
    this.#pings += 1
    this.#ping = { id: `ping-${this.#pings}`, sentAt: performance.now() }
    if (!this.send({ type: 'ping', id: this.#ping.id }) && this.phase !== 'connecting') this.#lose(abnormal, 'the socket is closed')
  }

  /** False: the socket does not take it. */
  send(message: object): boolean {
    return this.sendText(JSON.stringify(message))
  }

  sendText(text: string): boolean {
    if (this.#isOver || this.#socket.readyState !== 1) return false
    this.#socket.send(text)
    return true
  }

  #lose(code: number, reason: string): void {
    if (this.#isOver) return
    this.#end()
    this.listener.onLost(this, code, reason)
  }

  /** Ends the socket; the listener hears nothing more of it. */
  close(): void {
    if (!this.#isOver) this.#end()
  }

  #end(): void {
    this.#isOver = true
    this.#endProbe()
    clearInterval(this.#watchdog)
    this.#socket.onmessage = null
    this.#socket.onclose = null
    // A dead peer would keep the closing handshake waiting: nobody waits for it here.
    this.#socket.close(1000)
  }
}
