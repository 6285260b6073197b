import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import type { PresentUser } from '~/utils/contracts/presence'

/**
 * The one door through which controllers reach the hub. `instance.ts` attaches the hub; until then nothing listens and
 * every send is a no-op, which loses nothing: the log is the truth, and whoever subscribes reads it.
 *
 * The `send…` calls take what `withEvents` returned: the committed events of one write, in log order, those that it
 * brought along included (an order also moves stock and may create a customer). They never throw and never wait. A
 * forgotten call costs about a second, until the hub reconciles with the log, and never an event.
 */
export interface WebSocketManager {
  sendProfileUpdate(userId: string, events: LoggedEvent[]): void
  sendOrderUpdate(storeId: string, events: LoggedEvent[]): void
  sendCustomerUpdate(storeId: string, events: LoggedEvent[]): void
  sendStoreUpdate(storeId: string, events: LoggedEvent[]): void
  sendProductUpdate(storeId: string, events: LoggedEvent[]): void
  sendCategoryUpdate(storeId: string, events: LoggedEvent[]): void
  sendNotification(target: string, events: LoggedEvent[]): void
  /** Closes the sockets of sessions that have ended, with 4401. */
  endSessions(sessionIds: string[]): void
  /** The log was rewritten (a person was removed from it): nothing of this stream may be told from memory. */
  forgetEvents(stream: StreamName): void
  /** Whether a WebSocket session is open and belongs to this user. */
  ownsSession(userId: string, wsSessionId: string): boolean
  /** Who is online in a store: user ids with their number of sockets. */
  getPresence(storeId: string): Promise<PresentUser[]>
  getStats(): WebSocketStats
  getHealth(): WebSocketHealth
}

/** Total: open sockets. Active: authenticated, and heard from within two heartbeats. */
export type WebSocketStats = {
  totalConnections: number
  activeConnections: number
  anonymousConnections: number
  streams: number
  subscriptions: number
  deliveries: number
  uptimeSeconds: number
}

/** Whether the hub can serve sockets, and whether news of other instances reach it without delay. */
export type WebSocketHealth = { hub: 'ok' | 'unavailable'; relay: 'ok' | 'degraded' }

const nobody: WebSocketManager = {
  sendProfileUpdate: () => {},
  sendOrderUpdate: () => {},
  sendCustomerUpdate: () => {},
  sendStoreUpdate: () => {},
  sendProductUpdate: () => {},
  sendCategoryUpdate: () => {},
  sendNotification: () => {},
  endSessions: () => {},
  forgetEvents: () => {},
  ownsSession: () => false,
  getPresence: async () => [],
  getStats: () => ({
    totalConnections: 0,
    activeConnections: 0,
    anonymousConnections: 0,
    streams: 0,
    subscriptions: 0,
    deliveries: 0,
    uptimeSeconds: 0,
  }),
  getHealth: () => ({ hub: 'unavailable', relay: 'ok' }),
}

export let wsManager: WebSocketManager = nobody

/** Called once by `instance.ts` with the hub, and with nothing when it stops. */
export function attachWebSocketManager(manager: WebSocketManager = nobody): void {
  wsManager = manager
}
