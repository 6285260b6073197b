import type { Role } from '~/utils/contracts/common'

/** What a request carries beside its body; controllers hand it on to `withEvents`. */
export type RequestContext = {
  requestId: string
  /** The caller's own WebSocket session, put into the events of a write so that a writer knows its own echo. */
  wsSessionId: string | null
  /** Entity tags of `If-Match` (RFC 9110 §13.1.1), `['*']`, or null without the header. */
  ifMatch: string[] | null
  idempotency: IdempotencyRequest | null
}

export type IdempotencyRequest = { key: string; path: string; bodyHash: string }

/** A signed-in user or device. */
export type Actor = {
  userId: string
  kind: 'person' | 'device'
  sessionId: string
  /** ISO 8601; null for a device, whose token lives until it is revoked. */
  expiresAt: string | null
  request: RequestContext
}

/** An actor inside one store of which it is a member. */
export type Member = Actor & { storeId: string; role: Role }

/** Which part of a store a role may see; owner, manager and staff see the same. */
export type View = 'full' | 'kitchen' | 'kiosk'

export const viewOf = (role: Role): View => (role === 'kitchen' || role === 'kiosk' ? role : 'full')

const ranks: Record<Role, number> = { owner: 4, manager: 3, staff: 2, kitchen: 1, kiosk: 0 }

export const hasRole = (role: Role, atLeast: Role): boolean => ranks[role] >= ranks[atLeast]

/** Sets of roles that routes admit. */
export const anyMember: readonly Role[] = ['owner', 'manager', 'staff', 'kitchen', 'kiosk']
/** All but kiosks. */
export const crew: readonly Role[] = ['owner', 'manager', 'staff', 'kitchen']
export const staffAndUp: readonly Role[] = ['owner', 'manager', 'staff']
export const managers: readonly Role[] = ['owner', 'manager']
export const owners: readonly Role[] = ['owner']
