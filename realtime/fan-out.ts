import type { Connection } from '~/realtime/connection'
import { type Filter, passesEphemeral } from '~/realtime/filter'
import { Outgoing } from '~/realtime/outgoing'
import { concerns, type EncodedEvent } from '~/realtime/ring'
import type { Subscription } from '~/realtime/subscription'
import type { View } from '~/utils/actor'
import type { StreamName } from '~/utils/contracts/logged-event'
import { logger } from '~/utils/logger'
import { metrics } from '~/utils/metrics'

/** Live sockets that get equal frames. */
type Group = { view: View; userId: string; filter: Filter; subscriptions: Set<Subscription> }

/**
 * The coalescing window is so many times as long as a flush takes, within these: sending to a crowd takes a quarter of the
 * time at most, and what comes meanwhile goes out in one system call a socket.
 */
const restPerFlush = 3
const minWindowMs = 1
const maxWindowMs = 25
/** Sending to a large crowd lets other work of the process in after so long. Shorter slices make the crowd's next events late. */
const sliceMs = 20
/** From this many sockets on, encoding a frame once for all is worth its price. */
const largeGroup = 50

/**
 * The live sockets of a stream, and the events on their way to them: encoded and filtered once a group, in order, at once
 * when idle and coalesced under load.
 */
export class FanOut {
  private readonly groups = new Map<string, Group>()
  private pending: EncodedEvent[] = []
  private timer: Timer | undefined
  private flushedAt = 0
  private windowMs = minWindowMs
  /** What the last flush has not handed to all of its sockets yet, and how long it took so far. */
  private readonly outgoing = new Outgoing()
  private flushMs = 0
  private isSlicing = false

  constructor(
    private readonly stream: StreamName,
    private readonly onDelivered: (count: number, bytes: number) => void,
  ) {}

  /** Events that no socket was sent yet. */
  get pendingCount(): number {
    return this.pending.length
  }

  /** The next event; it waits for `schedule` or `flush`. */
  push(entry: EncodedEvent): void {
    this.pending.push(entry)
  }

  schedule(): void {
    // The end of a flush looks for what came meanwhile.
    if (this.pending.length === 0 || this.timer || !this.outgoing.isEmpty) return
    const sinceMs = performance.now() - this.flushedAt
    if (sinceMs >= this.windowMs) return this.beginFlush()
    this.timer = setTimeout(() => this.beginFlush(), this.windowMs - sinceMs)
  }

  /** Sends what is pending: at once when idle, coalesced under load, letting other work in now and then. */
  private beginFlush(): void {
    this.address()
    this.sendSlice()
  }

  private sendSlice(): void {
    this.send(sliceMs)
    if (this.outgoing.isEmpty) {
      this.schedule()
    } else if (!this.isSlicing) {
      this.isSlicing = true
      setImmediate(() => {
        this.isSlicing = false
        this.sendSlice()
      })
    }
  }

  /** Sends all that is pending to everybody before it returns, for what must come after it. */
  flush(): void {
    if (!this.outgoing.isEmpty) this.send(Number.POSITIVE_INFINITY)
    this.address()
    if (!this.outgoing.isEmpty) this.send(Number.POSITIVE_INFINITY)
  }

  private send(forMs: number): void {
    this.flushMs += this.outgoing.send(forMs)
    if (!this.outgoing.isEmpty) return
    this.flushedAt = performance.now()
    this.windowMs = Math.min(maxWindowMs, Math.max(minWindowMs, this.flushMs * restPerFlush))
  }

  /** Makes the frames of what is pending, for everybody who is live now: whoever joins later has these events already. */
  private address(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const batch = this.pending
    if (batch.length === 0) return
    this.pending = []
    const startedAt = performance.now()
    for (const group of this.groups.values()) this.addressSafely(group, batch)
    this.flushMs = performance.now() - startedAt
    for (const entry of batch) metrics.commitToSend.observe((startedAt - entry.keptSince) / 1000)
  }

  /** A fault in here must not leave a hole: the group's sockets come back and resume. */
  private addressSafely(group: Group, batch: readonly EncodedEvent[]): void {
    try {
      this.addressGroup(group, batch)
    } catch (error) {
      logger.error({ err: error, stream: this.stream }, 'websocket: delivery failed')
      for (const { connection } of [...group.subscriptions]) connection.close(1011)
    }
  }

  private addressGroup(group: Group, batch: readonly EncodedEvent[]): void {
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
    this.outgoing.add(frames, bytes, [...group.subscriptions])
    this.onDelivered(frames.length * group.subscriptions.size, bytes * group.subscriptions.size)
  }

  /** Tells live sockets something that is not logged. */
  tell(type: string, frame: string, options: { except?: Connection; views: readonly View[] }): void {
    for (const group of this.groups.values()) {
      if (!options.views.includes(group.view) || !passesEphemeral(type, group.filter)) continue
      for (const { connection } of group.subscriptions) if (connection !== options.except) connection.send(frame)
    }
  }

  /** From here on the socket gets what comes. */
  join(subscription: Subscription): void {
    const key = subscription.groupKey
    const { view, userId, filter } = subscription
    const group = this.groups.get(key) ?? { view, userId, filter, subscriptions: new Set() }
    this.groups.set(key, group)
    group.subscriptions.add(subscription)
  }

  leave(subscription: Subscription): void {
    const key = subscription.groupKey
    const group = this.groups.get(key)
    group?.subscriptions.delete(subscription)
    if (group?.subscriptions.size === 0) this.groups.delete(key)
  }

  dispose(): void {
    clearTimeout(this.timer)
  }
}
