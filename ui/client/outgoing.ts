import type { ClientMessageType } from '~/utils/contracts/messages'

/** What a caller may send. Signing in and subscribing are the client's own affair. */
export type OutgoingMessage = {
  type: Exclude<ClientMessageType, 'authenticate' | 'subscribe' | 'unsubscribe'>
  data?: Record<string, unknown>
  /** Comes back as `data.replyTo` of the answer. */
  id?: string
}

/** The hub's limit for one message. */
const maxBytes = 16 * 1024
/** Below the hub's 20 a second, 100 at once, which the client's own messages count into. */
const perSecond = 15
const burst = 50

/** Messages that wait for a live socket, at most `limit`, and leave it no faster than the hub takes them. */
export class Outgoing {
  readonly #waiting: string[] = []
  #tokens = burst
  #filledAt = performance.now()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly limit: number,
    /** False: there is no live socket now. */
    private readonly transmit: (text: string) => boolean,
    private readonly onChange: () => void,
  ) {}

  get size(): number {
    return this.#waiting.length
  }

  /** Undefined when it was taken, sent or waiting; else why not. */
  push(message: OutgoingMessage): 'too_long' | 'queue_full' | undefined {
    const text = JSON.stringify(message)
    if (text.length * 3 > maxBytes && new TextEncoder().encode(text).length > maxBytes) return 'too_long'
    if (this.#waiting.length >= this.limit) return 'queue_full'
    this.#waiting.push(text)
    this.pump()
    return undefined
  }

  /** Sends what waits, as far as it may. */
  pump(): void {
    if (this.#timer !== undefined) return
    const now = performance.now()
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) / 1000) * perSecond)
    this.#filledAt = now
    for (let text = this.#waiting[0]; text !== undefined && this.#tokens >= 1 && this.transmit(text); text = this.#waiting[0]) {
      this.#waiting.shift()
      this.#tokens -= 1
    }
    if (this.#waiting.length > 0 && this.#tokens < 1) this.pause(1000 / perSecond)
    this.onChange()
  }

  /** Sends nothing for this long. */
  pause(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.pump()
    }, ms)
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting.length = 0
    this.onChange()
  }
}
