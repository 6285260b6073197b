import { type Announced, type Announcement, Announcements, getsAll, isFor, packetOf, type TellingPace } from '~/realtime/announcements'
import type { Filter } from '~/realtime/filter'
import { joined, Outgoing, type Packet } from '~/realtime/outgoing'
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
 * time at most, and what comes meanwhile goes out in one system call a socket. Up to a few milliseconds, which nobody sees,
 * it is longer: a hundred sockets, too, cost a system call each for every flush.
 */
const restPerFlush = 3
const minWindowMs = 1
const maxWindowMs = 25
const restPerShortFlush = 8
const shortWindowMs = 4
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
  private readonly announcements: Announcements
  private announcingTimer: Timer | undefined
  /** The flush under way carries announcements. */
  private isAnnouncing = false
  private flushedAt = 0
  private windowMs = minWindowMs
  /** What the last flush has not handed to all of its sockets yet, and how long it took so far. */
  private readonly outgoing = new Outgoing()
  private flushMs = 0
  private lastFlushMs = 0
  private isSlicing = false

  constructor(
    private readonly stream: StreamName,
    pace: TellingPace,
    private readonly onDelivered: (count: number, bytes: number) => void,
  ) {
    this.announcements = new Announcements(pace)
  }

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
    if (!this.outgoing.isEmpty) return
    if (!this.announcements.isEmpty && !this.announcingTimer) this.scheduleAnnouncements()
    if (this.pending.length === 0 || this.timer) return
    const sinceMs = performance.now() - this.flushedAt
    if (sinceMs >= this.windowMs) return this.beginFlush()
    this.timer = setTimeout(() => this.beginFlush(), this.windowMs - sinceMs)
  }

  private scheduleAnnouncements(): void {
    const dueInMs = this.announcements.takeTurn()
    if (dueInMs === 0) return this.beginFlush()
    this.announcingTimer = setTimeout(() => this.beginFlush(), dueInMs)
  }

  /** Sends what is pending: at once when idle, coalesced under load, letting other work in now and then. */
  private beginFlush(): void {
    clearTimeout(this.announcingTimer)
    this.announcingTimer = undefined
    this.isAnnouncing ||= !this.announcements.isEmpty
    this.address(this.announcements.take())
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
    // One flush in which something else had the processor says nothing of the crowd.
    const usualMs = Math.min(this.flushMs, this.lastFlushMs)
    this.lastFlushMs = this.flushMs
    this.windowMs = windowAfter(usualMs)
    if (this.isAnnouncing) this.announcements.told(this.flushMs)
    this.isAnnouncing = false
  }

  /** Makes the frames of what is pending, for everybody who is live now: whoever joins later has these events already. */
  private address(announced: Announced = []): void {
    const batch = this.pending
    if (batch.length === 0 && announced.length === 0) return
    clearTimeout(this.timer)
    this.timer = undefined
    this.pending = []
    const startedAt = performance.now()
    for (const group of this.groups.values()) this.addressSafely(group, batch, announced)
    this.flushMs = performance.now() - startedAt
    for (const entry of batch) metrics.commitToSend.observe((startedAt - entry.keptSince) / 1000)
  }

  /** A fault in here must not leave a hole: the group's sockets come back and resume. */
  private addressSafely(group: Group, batch: readonly EncodedEvent[], announced: Announced): void {
    try {
      this.addressGroup(group, this.packetOf(group, batch), announced)
    } catch (error) {
      logger.error({ err: error, stream: this.stream }, 'websocket: delivery failed')
      for (const { connection } of [...group.subscriptions]) connection.close(1011)
    }
  }

  /** The frames of events, the same for a whole group. */
  private packetOf({ subscriptions, view, userId, filter }: Group, batch: readonly EncodedEvent[]): Packet {
    const isLarge = subscriptions.size >= largeGroup
    const packet: Packet = { frames: [], bytes: 0 }
    for (const entry of batch) {
      if (!concerns(entry.event, view, userId, filter)) continue
      const frame = isLarge ? entry.asciiFrame(view) : entry.frame(view)
      packet.frames.push(frame)
      packet.bytes += Buffer.byteLength(frame)
    }
    if (packet.frames.length > 0) this.onDelivered(packet.frames.length * subscriptions.size, packet.bytes * subscriptions.size)
    return packet
  }

  private addressGroup({ subscriptions, view, filter }: Group, events: Packet, announced: Announced): void {
    const recipients = [...subscriptions]
    const ours = announced.filter((one) => isFor(one, view, filter))
    const [sharing, others] = ours.length === 0 ? [recipients, []] : partition(recipients, (subscription) => getsAll(ours, subscription))
    this.outgoing.add(joined(events, packetOf(ours)), sharing)
    for (const subscription of others) this.outgoing.add(joined(events, packetOf(ours, subscription)), [subscription])
  }

  /** Tells live sockets something that is not logged: at once when idle, together with more when there is much of it. */
  announce(announcement: Announcement): void {
    if (this.groups.size === 0) return
    this.announcements.add(announcement)
    this.schedule()
  }

  /** Gives a socket now what was announced and still waits, for what must come after it. */
  settle(subscription: Subscription): void {
    const { frames, bytes } = this.announcements.waitingFor(subscription)
    this.announcements.begin(subscription)
    if (frames.length > 0) subscription.connection.sendAll(frames, bytes)
  }

  /** From here on the socket gets what comes. */
  join(subscription: Subscription): void {
    const key = subscription.groupKey
    const { view, userId, filter } = subscription
    const group = this.groups.get(key) ?? { view, userId, filter, subscriptions: new Set() }
    this.groups.set(key, group)
    group.subscriptions.add(subscription)
    this.announcements.begin(subscription)
  }

  leave(subscription: Subscription): void {
    const key = subscription.groupKey
    const group = this.groups.get(key)
    group?.subscriptions.delete(subscription)
    if (group?.subscriptions.size === 0) this.groups.delete(key)
  }

  dispose(): void {
    clearTimeout(this.timer)
    clearTimeout(this.announcingTimer)
  }
}

const windowAfter = (flushMs: number): number =>
  Math.min(maxWindowMs, Math.max(minWindowMs, Math.min(shortWindowMs, flushMs * restPerShortFlush), flushMs * restPerFlush))

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  const [first, second]: [T[], T[]] = [[], []]
  for (const one of all) (isFirst(one) ? first : second).push(one)
  return [first, second]
}
