import type { Role } from '~/utils/contracts/common'
import type { PresentUser } from '~/utils/contracts/presence'

/** A reload or a short cut is not a leaving. */
const graceMs = 2_000

type Present = { name: string; role: Role; sessions: number; leaving: Timer | undefined }

type Announce = (storeId: string, type: 'user_joined' | 'user_left', data: { userId: string; name: string; onlineUsers: number }) => void

/**
 * Who is online in a store, counted per user over sockets and tabs. `announce` is called when a user's first socket
 * comes, and a grace period after the last one went.
 */
export class Presence {
  private readonly stores = new Map<string, Map<string, Present>>()

  constructor(private readonly announce: Announce) {}

  join(storeId: string, userId: string, name: string, role: Role): void {
    const store = this.stores.get(storeId) ?? new Map<string, Present>()
    this.stores.set(storeId, store)
    const known = store.get(userId)
    if (known) {
      clearTimeout(known.leaving)
      Object.assign(known, { name, role, sessions: known.sessions + 1, leaving: undefined })
      return
    }
    store.set(userId, { name, role, sessions: 1, leaving: undefined })
    this.announce(storeId, 'user_joined', { userId, name, onlineUsers: this.online(storeId) })
  }

  leave(storeId: string, userId: string): void {
    const present = this.stores.get(storeId)?.get(userId)
    if (!present) return
    present.sessions -= 1
    if (present.sessions === 0) present.leaving = setTimeout(() => this.left(storeId, userId, present.name), graceMs)
  }

  private left(storeId: string, userId: string, name: string): void {
    const store = this.stores.get(storeId)
    store?.delete(userId)
    if (store?.size === 0) this.stores.delete(storeId)
    this.announce(storeId, 'user_left', { userId, name, onlineUsers: this.online(storeId) })
  }

  setRole(storeId: string, userId: string, role: Role): void {
    const present = this.stores.get(storeId)?.get(userId)
    if (present) present.role = role
  }

  /** Users with at least one open socket. */
  list(storeId: string): PresentUser[] {
    const users = [...(this.stores.get(storeId) ?? [])]
    return users.filter(([, present]) => present.sessions > 0).map(([userId, { name, role, sessions }]) => ({ userId, name, role, sessions }))
  }

  private online(storeId: string): number {
    return this.list(storeId).length
  }

  sessions(storeId: string): number {
    return this.list(storeId).reduce((sum, user) => sum + user.sessions, 0)
  }

  dispose(): void {
    for (const store of this.stores.values()) for (const present of store.values()) clearTimeout(present.leaving)
    this.stores.clear()
  }
}
