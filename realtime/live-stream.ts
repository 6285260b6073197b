import type { Announcement, TellingPace } from '~/realtime/announcements'
import type { Connection } from '~/realtime/connection'
import { FanOut } from '~/realtime/fan-out'
import type { ReadLog } from '~/realtime/log-pages'
import { EncodedEvent, Ring } from '~/realtime/ring'
import type { Subscription } from '~/realtime/subscription'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { isAboutMember } from '~/utils/event-view'
import { logger } from '~/utils/logger'

/** A gap is usually the next commit's news arriving first; only one that stays is read from the log. */
const gapPatienceMs = 4
/** A resume further back than this reads the log by itself, page by page, and leaves the ring alone. */
const maxBackfill = 400

/** What a stream needs of its surroundings. */
export type StreamHost = {
  readLog: ReadLog
  pace: TellingPace
  /** A membership changed: called after its event was sent, before any later one. */
  onMemberEvent(stream: LiveStream, event: LoggedEvent): void
  /** Guests that follow one order. */
  onOrderStatus(stream: LiveStream, event: LoggedEvent): void
  /** The log cannot be continued from here: every socket of the stream must come back and be told. */
  onBroken(stream: LiveStream, reason: string): void
  onDelivered(count: number, bytes: number): void
}

/**
 * A stream with listeners on this instance. `next` alone decides what is sent: an event with that number is delivered,
 * a lower one was, a higher one waits until the gap is closed from the log. So the order a socket sees is the log's,
 * whatever the order in which commits, hints and reads arrive.
 */
export class LiveStream {
  epoch = ''
  /** Which key seals the stream's next events; utils/sealing.ts. */
  keyGeneration = 0
  /** The number of the next event to deliver; 0 until the stream was opened. */
  private next = 0
  readonly ring = new Ring()
  /** Subscriptions of every state, by connection. */
  readonly subscriptions = new Map<Connection, Subscription>()
  /** When the last listener left. */
  idleSince = 0
  guests = 0
  /** Given up: nothing is delivered any more, and nobody may join. */
  isGone = false

  private readonly fanOut: FanOut
  private readonly early = new Map<number, LoggedEvent>()
  private gapTimer: Timer | undefined
  private reading: Promise<void> | null = null
  private wanted = 0
  private backfilling: Promise<void> | null = null

  constructor(
    readonly name: StreamName,
    private readonly host: StreamHost,
  ) {
    this.fanOut = new FanOut(name, host.pace, (count, bytes) => host.onDelivered(count, bytes))
  }

  /** The id after the colon. */
  get ownerId(): string {
    return this.name.slice(this.name.indexOf(':') + 1)
  }

  get isOpen(): boolean {
    return this.next > 0
  }

  /** The last seq of the log that is known here. */
  get headSeq(): number {
    return this.next - 1
  }

  /** The last seq that was sent to live sockets. */
  get deliveredSeq(): number {
    return this.next - 1 - this.fanOut.pendingCount
  }

  /** Begins after the head. News that came while the head was being read are taken up now. */
  open(head: { epoch: string; seq: number; keyGeneration: number }): void {
    this.epoch = head.epoch
    this.keyGeneration = head.keyGeneration
    this.next = head.seq + 1
    this.takeEarly()
  }

  /** Committed events, in any order, any number of times. */
  publish(events: readonly LoggedEvent[]): void {
    for (const event of events) this.accept(event)
    this.fanOut.schedule()
  }

  private accept(event: LoggedEvent): void {
    if (this.isGone) return
    if (!this.isOpen) {
      this.early.set(event.seq, event)
      return
    }
    if (event.epoch !== this.epoch) return this.host.onBroken(this, 'another epoch')
    if (event.seq < this.next) return
    if (event.seq > this.next) {
      this.early.set(event.seq, event)
      this.gapTimer ??= setTimeout(() => {
        this.gapTimer = undefined
        if (this.early.size > 0) this.hint(Math.max(...this.early.keys()))
      }, gapPatienceMs)
      return
    }
    this.append(event)
    if (this.early.size > 0) this.takeEarly()
  }

  private takeEarly(): void {
    // Of another epoch: the log was replaced between the news and the look at the head. A read will tell.
    for (const { seq, epoch } of this.early.values()) if (seq < this.next || epoch !== this.epoch) this.early.delete(seq)
    for (let event = this.early.get(this.next); event; event = this.early.get(this.next)) {
      this.early.delete(event.seq)
      this.append(event)
    }
    this.fanOut.schedule()
  }

  private append(event: LoggedEvent): void {
    const entry = new EncodedEvent(event, performance.now())
    this.next = event.seq + 1
    this.ring.push(entry)
    this.fanOut.push(entry)
    if (isAboutMember(event)) {
      this.flush()
      this.host.onMemberEvent(this, event)
    } else if (event.type === 'order_status_changed' && this.guests > 0) this.host.onOrderStatus(this, event)
  }

  /** The events that the stream has passed since `seq`; null when it remembers them no longer. */
  passedSince(seq: number): LoggedEvent[] | null {
    return this.headSeq <= seq ? [] : (this.ring.after(seq)?.map((entry) => entry.event) ?? null)
  }

  /** Resolves when everything up to `seq` has been taken in: at once, or after a read of the log. Rejects when it cannot be read. */
  async advanceTo(seq: number): Promise<void> {
    if (seq < this.next) return
    this.wanted = Math.max(this.wanted, seq)
    // A read that is ending may not have seen this wish.
    if (this.reading) await this.reading.catch(() => {})
    if (seq < this.next) return
    this.reading ??= this.readUp().finally(() => {
      this.reading = null
    })
    await this.reading
    if (seq >= this.next) throw new Error(`the log of ${this.name} ends before ${seq}`)
  }

  /** The log is said to reach `seq`. When it cannot be read now, the next reconciliation tries again. */
  hint(seq: number): void {
    this.advanceTo(seq).catch((error: unknown) => logger.warn({ err: error, stream: this.name }, 'websocket: the log could not be read'))
  }

  /** Makes the ring reach back to the event after `seq`, if that is not too far. One read in flight. */
  async backfill(seq: number): Promise<void> {
    const missing = this.ring.missingAfter(seq, this.headSeq)
    if (missing === 0 || missing > maxBackfill) return
    this.backfilling ??= this.readBack(seq).finally(() => {
      this.backfilling = null
    })
    await this.backfilling
  }

  private async readBack(seq: number): Promise<void> {
    const upTo = this.ring.firstSeq(this.next) - 1
    const { generation } = this.ring
    const now = performance.now()
    const events: EncodedEvent[] = []
    while ((events.at(-1)?.event.seq ?? seq) < upTo) {
      const chunk = await this.host.readLog(this.name, events.at(-1)?.event.seq ?? seq, upTo)
      if (chunk.length === 0 || chunk.some((event) => event.epoch !== this.epoch)) return
      for (const event of chunk) events.push(new EncodedEvent(event, now))
    }
    this.ring.prepend(events, this.headSeq, generation)
  }

  /** One read in flight: it goes on until all that was asked for meanwhile is there. */
  private async readUp(): Promise<void> {
    while (this.next <= this.wanted && !this.isGone) {
      const { generation } = this.ring
      const events = await this.host.readLog(this.name, this.next - 1, this.wanted)
      // Rewritten meanwhile: what was read may be what nobody is to be told any more.
      if (generation !== this.ring.generation) continue
      // Whoever announced an event had seen it committed: what is not there any more was pruned.
      if (events[0] ? events[0].seq > this.next : this.next <= this.wanted) return this.host.onBroken(this, 'events were gone before they were read')
      this.publish(events)
    }
  }

  /** Sends all that is pending to everybody before it returns, for what must come after it. */
  flush(): void {
    this.fanOut.flush()
  }

  /** Tells live sockets something that is not logged. */
  announce(announcement: Announcement): void {
    this.fanOut.announce(announcement)
  }

  /** Sends a live socket all that waits for it before it returns. */
  settle(subscription: Subscription): void {
    this.flush()
    if (subscription.isLive) this.fanOut.settle(subscription)
  }

  // Listeners

  /** Throws when the stream was given up meanwhile: such a subscription would wait for ever. */
  add(subscription: Subscription): void {
    if (this.isGone) throw new Error(`${this.name} was given up`)
    this.subscriptions.set(subscription.connection, subscription)
  }

  /** From here on the socket shares the stream's place. It must have everything up to `headSeq`. */
  goLive(subscription: Subscription): void {
    this.fanOut.join(subscription)
    subscription.isLive = true
  }

  /** Changes what a socket gets without a gap or a double: everything so far is sent under the old terms. */
  change(subscription: Subscription, terms: Partial<Pick<Subscription, 'role' | 'filter'>>): void {
    const wasLive = subscription.isLive
    if (wasLive) {
      this.settle(subscription)
      this.leaveGroup(subscription)
    }
    Object.assign(subscription, terms)
    if (wasLive) this.goLive(subscription)
  }

  remove(subscription: Subscription): void {
    subscription.isEnded = true
    if (subscription.isLive) this.leaveGroup(subscription)
    this.subscriptions.delete(subscription.connection)
    if (this.subscriptions.size === 0) this.idleSince = performance.now()
  }

  private leaveGroup(subscription: Subscription): void {
    this.fanOut.leave(subscription)
    subscription.position = this.deliveredSeq
    subscription.isLive = false
  }

  dispose(): void {
    this.isGone = true
    this.fanOut.dispose()
    clearTimeout(this.gapTimer)
  }
}
