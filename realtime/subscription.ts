import type { Connection } from '~/realtime/connection'
import type { Filter } from '~/realtime/filter'
import type { LiveStream } from '~/realtime/live-stream'
import { type View, viewOf } from '~/utils/actor'
import type { Role } from '~/utils/contracts/common'
import type { StreamName } from '~/utils/contracts/logged-event'

/**
 * One socket's place in one stream. `position` is the last seq that was sent or passed over; while `isLive` the stream
 * itself keeps the place, since all its live sockets share it.
 */
export class Subscription {
  isLive = false
  /** The client has been given the answer that begins it; before that nothing names its position. */
  isTold = false
  /** Taken away while it was catching up: nothing more is sent. */
  isEnded = false
  /** The number of the next announcement that is for it; realtime/announcements.ts. */
  announcedUpTo = 0

  constructor(
    readonly connection: Connection,
    readonly stream: LiveStream,
    readonly userId: string,
    /** The role in the store; null on the user's own stream. */
    public role: Role | null,
    public filter: Filter,
    public position: number,
  ) {}

  get view(): View {
    return this.role ? viewOf(this.role) : 'full'
  }

  /** Sockets with equal keys get equal frames. */
  get groupKey(): string {
    return this.view === 'kiosk' ? `kiosk:${this.userId}${this.filter.key}` : `${this.view}${this.filter.key}`
  }

  /** Everything up to here was sent to the socket, or is not for it. */
  get sentSeq(): number {
    return this.isLive ? this.stream.deliveredSeq : this.position
  }
}

/** A socket's subscriptions by stream name: a few, of which a list takes a fifth of a Map's memory. */
export class Subscriptions {
  private list: readonly Subscription[] = none

  get size(): number {
    return this.list.length
  }

  get(stream: string): Subscription | undefined {
    return this.list.find((subscription) => subscription.stream.name === stream)
  }

  has(stream: string): boolean {
    return this.get(stream) !== undefined
  }

  add(subscription: Subscription): void {
    this.list = [...this.list, subscription]
  }

  delete(stream: string): void {
    this.list = this.list.filter((subscription) => subscription.stream.name !== stream)
  }

  /** As they are now: what is added or deleted meanwhile changes nothing. */
  [Symbol.iterator](): Iterator<Subscription> {
    return this.list.values()
  }

  /** Their streams, as they are now. */
  get names(): StreamName[] {
    return this.list.map((subscription) => subscription.stream.name)
  }
}

const none: readonly Subscription[] = []
