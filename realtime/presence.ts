import type { PresenceEntry, SharedFact, SharedState } from '~/realtime/shared-state'
import type { Role } from '~/utils/contracts/common'
import type { PresentUser } from '~/utils/contracts/presence'

/**
 * A reload or a short cut is not a leaving. Many who go at once were cut off, and come back together: they are given longer,
 * since telling everybody that all have left and joined costs the more the more there are.
 */
const graceMs = 2_000
const gracePerAbsentMs = 50
const maxGraceMs = 10_000

type Present = PresenceEntry & { leaving: Timer | undefined }
/** Who is in a store or has just left it; counted on the way, since every newcomer asks for both. */
type StorePresence = { users: Map<string, Present>; online: number; sessions: number }

/** One who goes alone has the shortest. */
const graceOf = ({ users, online }: StorePresence): number => Math.min(maxGraceMs, graceMs + (users.size - online - 1) * gracePerAbsentMs)

type Announce = (storeId: string, type: 'user_joined' | 'user_left', data: { userId: string; name: string; onlineUsers: number }) => void

const prefix = 'presence '
const keyOf = (storeId: string, userId: string) => `${prefix}${storeId} ${userId}`

const isEntry = (fact: SharedFact): fact is PresenceEntry => 'sessions' in fact

/**
 * Who is online in a store, counted per user over sockets, tabs and instances. `announce` is called when a user's first
 * socket comes, and a grace period after the last one went; every instance tells its own sockets.
 */
export class Presence {
  private readonly stores = new Map<string, StorePresence>()

  constructor(
    private readonly state: SharedState,
    private readonly announce: Announce,
  ) {}

  join(storeId: string, userId: string, name: string, role: Role): void {
    const own = this.own(storeId, userId)
    this.state.set(keyOf(storeId, userId), { name, role, sessions: (own?.sessions ?? 0) + 1 })
  }

  leave(storeId: string, userId: string): void {
    const own = this.own(storeId, userId)
    if (own) this.state.set(keyOf(storeId, userId), own.sessions > 1 ? { ...own, sessions: own.sessions - 1 } : undefined)
  }

  setRole(storeId: string, userId: string, role: Role): void {
    const own = this.own(storeId, userId)
    if (own) this.state.set(keyOf(storeId, userId), { ...own, role })
  }

  private own(storeId: string, userId: string): PresenceEntry | undefined {
    const fact = this.state.get(keyOf(storeId, userId))
    return fact && isEntry(fact) ? fact : undefined
  }

  /** An entry changed, here or on another instance. */
  changed(key: string): void {
    if (!key.startsWith(prefix)) return
    const [storeId = '', userId = ''] = key.slice(prefix.length).split(' ')
    const entries = this.state.everywhere(key).filter(isEntry)
    const [first] = entries
    const store = this.stores.get(storeId) ?? { users: new Map(), online: 0, sessions: 0 }
    const known = store.users.get(userId)
    if (!first && !known) return
    this.stores.set(storeId, store)
    const sessions = entries.reduce((sum, entry) => sum + entry.sessions, 0)
    store.sessions += sessions - (known?.sessions ?? 0)
    store.online += Number(sessions > 0) - Number(known !== undefined && known.sessions > 0)
    if (!first) {
      if (known && known.sessions > 0) {
        known.sessions = 0
        known.leaving = setTimeout(() => this.left(storeId, userId, known.name), graceOf(store))
      }
      return
    }
    clearTimeout(known?.leaving)
    store.users.set(userId, { name: first.name, role: first.role, sessions, leaving: undefined })
    if (!known) this.announce(storeId, 'user_joined', { userId, name: first.name, onlineUsers: store.online })
  }

  private left(storeId: string, userId: string, name: string): void {
    const store = this.stores.get(storeId)
    store?.users.delete(userId)
    if (store?.users.size === 0) this.stores.delete(storeId)
    this.announce(storeId, 'user_left', { userId, name, onlineUsers: store?.online ?? 0 })
  }

  /** Users with at least one open socket. */
  list(storeId: string): PresentUser[] {
    const users = [...(this.stores.get(storeId)?.users ?? [])]
    return users.filter(([, present]) => present.sessions > 0).map(([userId, { name, role, sessions }]) => ({ userId, name, role, sessions }))
  }

  /** How many sockets the store's users have open. */
  sessions(storeId: string): number {
    return this.stores.get(storeId)?.sessions ?? 0
  }

  dispose(): void {
    for (const { users } of this.stores.values()) for (const present of users.values()) clearTimeout(present.leaving)
    this.stores.clear()
  }
}
