import { backoffMs, floorMs } from '~/ui/client/backoff'
import { Link, type LinkListener } from '~/ui/client/link'
import type { ClientLogger, ReconnectPolicy } from '~/ui/client/options'
import type { ClientEvent } from '~/ui/client/states'
import type { ServerFrame } from '~/utils/contracts/frames'
import { policyOf } from '~/utils/contracts/ws-codes'

/** Why there is no socket. */
export type Ending = { code: number; reason: string }

export type ConnectorListener = {
  onFrame(link: Link, frame: ServerFrame): void
  onEvent(event: ClientEvent, ending?: Ending): void
  onLatency(ms: number): void
  /** When the next attempt comes; null when none is planned. */
  onPlan(retryAt: number | null, attempts: number, hasGivenUp: boolean): void
}

export type ConnectorOptions = {
  url: string
  WebSocket: typeof WebSocket
  connectTimeoutMs: number
  probeTimeoutMs: number
  policy: ReconnectPolicy
  logger: ClientLogger
}

/** A connection that lived this long was a sound one: the back-off begins anew after it. */
const soundMs = 5_000
/** A loss this soon after a wake-up was found by it, and is not waited out. */
const wakeWindowMs = 1_000

/** Keeps one live link: opens it, opens it again, and moves to a new one before the old one ends. */
export class Connector {
  current: Link | undefined
  #successor: Link | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #attempts = 0
  #strain = 0
  #hasGivenUp = false
  #attemptedAt = Number.NEGATIVE_INFINITY
  #liveSince: number | undefined
  #wokenAt = Number.NEGATIVE_INFINITY
  readonly #links: LinkListener

  constructor(
    readonly options: ConnectorOptions,
    private readonly listener: ConnectorListener,
  ) {
    this.#links = {
      onFrame: (link, frame) => this.listener.onFrame(link, frame),
      onSilent: (link) => link === this.current && this.listener.onEvent('silent'),
      onHeard: (link) => link === this.current && this.listener.onEvent('heard'),
      onLatency: (link, ms) => link === this.current && this.listener.onLatency(ms),
      onLost: (link, code, reason) => this.#handleLoss(link, { code, reason }),
    }
  }

  /** The links that the hub has accepted: two while the client moves. */
  get accepted(): Link[] {
    return [this.current, this.#successor].flatMap((link) => (link && link.phase !== 'connecting' && link.phase !== 'authenticating' ? [link] : []))
  }

  /** Connects now, whatever was planned. */
  connect(event: 'start' | 'retry'): void {
    this.#cancel()
    if (event === 'start') this.#attempts = 0
    this.#hasGivenUp = false
    this.close()
    this.listener.onPlan(null, this.#attempts, false)
    this.listener.onEvent(event)
    this.current = this.#open()
    if (!this.current) this.#handleLoss(undefined, { code: 0, reason: 'the socket could not be made' })
  }

  #open(): Link | undefined {
    const { options } = this
    this.#attemptedAt = performance.now()
    try {
      return new Link(options.url, options.WebSocket, options, this.#links, options.logger)
    } catch (error) {
      options.logger.error?.('the socket could not be made', error)
      return undefined
    }
  }

  /** The link follows all its streams. */
  becameLive(link: Link): void {
    link.phase = 'live'
    if (link === this.#successor) {
      this.#successor = undefined
      this.current?.close()
      this.current = link
      // The old link may not have come this far.
      for (const event of ['greeted', 'accepted', 'heard'] as const) this.listener.onEvent(event)
    }
    this.#attempts = 0
    this.#liveSince ??= performance.now()
  }

  /** The hub asks to move: the old link delivers until the new one is live. */
  moveAfter(ms: number): void {
    this.#cancel()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (!this.current || this.#successor) return
      this.#successor = this.#open()
    }, ms)
  }

  #handleLoss(link: Link | undefined, ending: Ending): void {
    this.options.logger.info?.('the socket is gone', ending)
    if (link && link === this.#successor) {
      this.#successor = undefined
      const event = eventOf(ending.code)
      if (event !== 'lost') return this.#finish(event, ending)
      return this.moveAfter(this.#nextDelayMs())
    }
    if (link !== this.current) return
    this.current = undefined
    const event = eventOf(ending.code)
    if (event !== 'lost') return this.#finish(event, ending)
    if (this.#successor) return this.#takeOver(this.#successor, ending)
    this.#cancel()
    this.listener.onEvent('lost', ending)
    this.#plan()
  }

  /** The old link went before the new one was live. */
  #takeOver(successor: Link, ending: Ending): void {
    this.#successor = undefined
    this.current = successor
    this.listener.onEvent('lost', ending)
    this.listener.onEvent('retry')
    if (successor.phase !== 'connecting') this.listener.onEvent('greeted')
    if (successor.phase === 'catching_up') this.listener.onEvent('accepted')
  }

  #finish(event: ClientEvent, ending: Ending): void {
    this.#cancel()
    this.close()
    this.listener.onEvent(event, ending)
  }

  /** The session does not hold. */
  refuse(ending: Ending): void {
    this.#finish('refused', ending)
  }

  /** This link is of no use now; another attempt comes after `atLeastMs`. */
  giveUpOn(link: Link, reason: string, atLeastMs: number): void {
    link.close()
    this.#handleLoss(link, { code: 0, reason })
    if (this.#timer !== undefined && atLeastMs > 0 && !this.current) this.#planAfter(atLeastMs + this.#nextDelayMs())
  }

  #nextDelayMs(): number {
    const { reconnectIntervalMs, maxReconnectIntervalMs } = this.options.policy
    const now = performance.now()
    const wasSound = this.#liveSince !== undefined && now - this.#liveSince > soundMs
    this.#liveSince = undefined
    this.#strain = wasSound ? 0 : this.#strain + 1
    if (now - this.#wokenAt < this.options.probeTimeoutMs + wakeWindowMs) {
      this.#wokenAt = Number.NEGATIVE_INFINITY
      return floorMs
    }
    return backoffMs(Math.max(0, this.#strain - 1), reconnectIntervalMs, maxReconnectIntervalMs)
  }

  #plan(): void {
    const { autoReconnect, maxReconnectAttempts } = this.options.policy
    if (!autoReconnect) return
    if (this.#attempts >= maxReconnectAttempts) {
      this.#hasGivenUp = true
      return this.listener.onPlan(null, this.#attempts, true)
    }
    this.#attempts += 1
    this.#planAfter(this.#nextDelayMs())
  }

  #planAfter(ms: number): void {
    this.#cancel()
    this.#hasGivenUp = false
    this.#timer = setTimeout(() => this.connect('retry'), ms)
    this.listener.onPlan(Date.now() + ms, this.#attempts, false)
  }

  /** The network or the page is back, or the network went: what can be known now is found out now. */
  wake(): void {
    if (this.current) {
      this.#wokenAt = performance.now()
      return this.current.probe()
    }
    if (this.#timer === undefined && !this.#hasGivenUp) return
    this.#attempts = 0
    if (performance.now() - this.#attemptedAt < floorMs) return this.#planAfter(floorMs)
    this.connect('retry')
  }

  #cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Ends both links and all plans. */
  close(): void {
    this.#cancel()
    for (const link of [this.current, this.#successor]) link?.close()
    this.current = undefined
    this.#successor = undefined
  }
}

/** What a close code means for the client, by the table of the contract. */
function eventOf(code: number): 'lost' | 'refused' | 'dismissed' {
  const policy = policyOf(code)
  if (policy === 'signs in again') return 'refused'
  return policy === 'stays away' ? 'dismissed' : 'lost'
}
