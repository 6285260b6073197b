import type { Connection } from '~/realtime/connection'
import { type Filter, passesEphemeral } from '~/realtime/filter'
import { concerns, EncodedEvent, Ring } from '~/realtime/ring'
import type { Subscription } from '~/realtime/subscription'
import type { View } from '~/utils/actor'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { isAboutMember } from '~/utils/event-view'
import { logger } from '~/utils/logger'
import { metrics } from '~/utils/metrics'

/** Live sockets that get equal frames. */
type Group = { view: View; userId: string; filter: Filter; subscriptions: Set<Subscription> }

/** A gap is usually the next commit's news arriving first; only one that stays is read from the log. */
const gapPatienceMs = 4
/** The coalescing window is as long as a flush takes, within these. */
const minWindowMs = 1
const maxWindowMs = 25
/** From this many sockets on, encoding a frame once for all is worth its price. */
const largeGroup = 50
/** A resume further back than this reads the log by itself, page by page, and leaves the ring alone. */
const maxBackfill = 400

/** What a stream needs of its surroundings. */
export type StreamHost = {
  /** Reads `after < seq <= upTo` of the log, in order, a bounded number at a time. */
  readLog(stream: StreamName, after: number, upTo: number): Promise<LoggedEvent[]>
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

  private readonly groups = new Map<string, Group>()
  private readonly early = new Map<number, LoggedEvent>()
  private pending: EncodedEvent[] = []
  private flushTimer: Timer | undefined
  private gapTimer: Timer | undefined
  private flushedAt = 0
  private windowMs = minWindowMs
  private reading: Promise<void> | null = null
  private wanted = 0
  private backfilling: Promise<void> | null = null

  constructor(
    readonly name: StreamName,
    private readonly host: StreamHost,
  ) {}

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
    return this.next - 1 - this.pending.length
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
    if (this.pending.length > 0) this.scheduleFlush()
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
    if (this.pending.length > 0) this.scheduleFlush()
  }

  private append(event: LoggedEvent): void {
    const entry = new EncodedEvent(event, performance.now())
    this.next = event.seq + 1
    this.ring.push(entry)
    this.pending.push(entry)
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
      const events = await this.host.readLog(this.name, this.next - 1, this.wanted)
      // Whoever announced an event had seen it committed: what is not there any more was pruned.
      if (events[0] ? events[0].seq > this.next : this.next <= this.wanted) return this.host.onBroken(this, 'events were gone before they were read')
      this.publish(events)
    }
  }

  // Delivery

  private scheduleFlush(): void {
    if (this.flushTimer) return
    const sinceMs = performance.now() - this.flushedAt
    if (sinceMs >= this.windowMs) return this.flush()
    this.flushTimer = setTimeout(() => this.flush(), this.windowMs - sinceMs)
  }

  /** Sends what is pending: at once when idle, coalesced under load, one system call a socket. */
  flush(): void {
    clearTimeout(this.flushTimer)
    this.flushTimer = undefined
    const batch = this.pending
    if (batch.length === 0) return
    this.pending = []
    const startedAt = performance.now()
    for (const group of this.groups.values()) this.deliverSafely(group, batch)
    this.flushedAt = performance.now()
    for (const entry of batch) metrics.commitToSend.observe((startedAt - entry.keptSince) / 1000)
    this.windowMs = Math.min(maxWindowMs, Math.max(minWindowMs, this.flushedAt - startedAt))
  }

  /** A fault in here must not leave a hole: the group's sockets come back and resume. */
  private deliverSafely(group: Group, batch: readonly EncodedEvent[]): void {
    try {
      this.deliver(group, batch)
    } catch (error) {
      logger.error({ err: error, stream: this.name }, 'websocket: delivery failed')
      for (const { connection } of [...group.subscriptions]) connection.close(1011)
    }
  }

  private deliver(group: Group, batch: readonly EncodedEvent[]): void {
    const isLarge = group.subscriptions.size >= largeGroup
    const frames: string[] = []
    let bytes = 0
    for (const entry of batch) {
      if (!concerns(entry.event, group.view, group.userId, group.filter)) continue
      const frame = isLarge ? entry.asciiFrame(group.view) : entry.frame(group.view)
      frames.push(frame)
      bytes += Buffer.byteLength(frame)
    }
    if (frames.length === 0) return
    for (const subscription of group.subscriptions) subscription.connection.sendAll(frames, bytes)
    this.host.onDelivered(frames.length * group.subscriptions.size, bytes * group.subscriptions.size)
  }

  /** Tells live sockets something that is not logged. */
  tell(type: string, frame: string, options: { except?: Connection; views: readonly View[] }): void {
    for (const group of this.groups.values()) {
      if (!options.views.includes(group.view) || !passesEphemeral(type, group.filter)) continue
      for (const { connection } of group.subscriptions) if (connection !== options.except) connection.send(frame)
    }
  }

  // Listeners

  /** Throws when the stream was given up meanwhile: such a subscription would wait for ever. */
  add(subscription: Subscription): void {
    if (this.isGone) throw new Error(`${this.name} was given up`)
    this.subscriptions.set(subscription.connection, subscription)
  }

  /** From here on the socket shares the stream's place. It must have everything up to `headSeq`. */
  goLive(subscription: Subscription): void {
    const key = subscription.groupKey
    const group = this.groups.get(key) ?? {
      view: subscription.view,
      userId: subscription.userId,
      filter: subscription.filter,
      subscriptions: new Set(),
    }
    this.groups.set(key, group)
    group.subscriptions.add(subscription)
    subscription.isLive = true
  }

  /** Changes what a socket gets without a gap or a double: everything so far is sent under the old terms. */
  change(subscription: Subscription, terms: Partial<Pick<Subscription, 'role' | 'filter'>>): void {
    const wasLive = subscription.isLive
    if (wasLive) {
      this.flush()
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
    const key = subscription.groupKey
    const group = this.groups.get(key)
    group?.subscriptions.delete(subscription)
    if (group?.subscriptions.size === 0) this.groups.delete(key)
    subscription.position = this.deliveredSeq
    subscription.isLive = false
  }

  dispose(): void {
    this.isGone = true
    clearTimeout(this.flushTimer)
    clearTimeout(this.gapTimer)
  }
}
