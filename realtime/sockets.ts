import type { Connection } from '~/realtime/connection'

/**
 * All open sockets of this instance, counted as the limits count them: a known user's (also before `authenticate`) under
 * the user, others under their address.
 */
export class Sockets {
  /** Whoever had the earliest heartbeat comes first, and is the next to have one. */
  private readonly all = new Set<Connection>()
  /** To be looked at every second, and not at its heartbeats only: for whom something else may be due before the next. */
  readonly watched = new Set<Connection>()
  private readonly byUser = new Map<string, Set<Connection>>()
  private readonly anonymousByAddress = new Map<string, number>()
  /** Upgrades that are being judged; counted so that many at once cannot slip past the limit. */
  private reserved = 0

  get size(): number {
    return this.all.size
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.all.values()
  }

  get sizeWithReserved(): number {
    return this.all.size + this.reserved
  }

  /** Holds a place while an upgrade waits for its session; the answer gives it back. */
  reserve(): () => void {
    this.reserved += 1
    let isHeld = true
    return () => {
      if (isHeld) this.reserved -= 1
      isHeld = false
    }
  }

  /** `onCount` hears which sockets a user has after each change, of them or of what they are. */
  constructor(private readonly onCount: (userId: string, sockets: ReadonlySet<Connection>) => void) {}

  add(connection: Connection): void {
    this.all.add(connection)
    this.watch(connection)
    const owner = connection.upgradeSession?.userId
    if (owner) this.joinUser(connection, owner)
    else this.countAnonymous(connection.address, 1)
  }

  watch(connection: Connection): void {
    if (this.all.has(connection)) this.watched.add(connection)
  }

  /** It has its heartbeat now. */
  moveToEnd(connection: Connection): void {
    if (this.all.delete(connection)) this.all.add(connection)
  }

  /** The socket now acts for a user. */
  claim(connection: Connection, userId: string, previous: string | null): void {
    this.watch(connection)
    if (previous === userId) return this.onCount(userId, this.ofUser(userId))
    if (previous) this.leaveUser(connection, previous)
    else this.countAnonymous(connection.address, -1)
    this.joinUser(connection, userId)
  }

  /** The socket acts for nobody any more: it counts as it did before. */
  release(connection: Connection, userId: string): void {
    this.watch(connection)
    this.leaveUser(connection, userId)
    const owner = connection.upgradeSession?.userId
    if (owner) this.joinUser(connection, owner)
    else this.countAnonymous(connection.address, 1)
  }

  remove(connection: Connection): void {
    if (!this.all.delete(connection)) return
    this.watched.delete(connection)
    const owner = ownerOf(connection)
    if (owner) this.leaveUser(connection, owner)
    else this.countAnonymous(connection.address, -1)
  }

  ofUser(userId: string): ReadonlySet<Connection> {
    return this.byUser.get(userId) ?? none
  }

  anonymousAt(address: string): number {
    return this.anonymousByAddress.get(address) ?? 0
  }

  private joinUser(connection: Connection, userId: string): void {
    const sockets = this.byUser.get(userId) ?? new Set<Connection>()
    this.byUser.set(userId, sockets)
    sockets.add(connection)
    this.onCount(userId, sockets)
  }

  private leaveUser(connection: Connection, userId: string): void {
    const sockets = this.byUser.get(userId)
    if (!sockets?.delete(connection)) return
    if (sockets.size === 0) this.byUser.delete(userId)
    this.onCount(userId, sockets)
  }

  private countAnonymous(address: string, change: number): void {
    const count = this.anonymousAt(address) + change
    if (count > 0) this.anonymousByAddress.set(address, count)
    else this.anonymousByAddress.delete(address)
  }
}

const none: ReadonlySet<Connection> = new Set()

/** The user under whose cap a socket counts, or null while nobody knows whose it is. */
export const ownerOf = (connection: Connection): string | null => connection.user?.userId ?? connection.upgradeSession?.userId ?? null
