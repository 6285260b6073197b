import type { SubscriptionQuestion, SubscriptionStart } from '~/db/hub-reads'
import type { Cluster } from '~/realtime/cluster'
import type { Connection, SocketSession } from '~/realtime/connection'
import type { Guests } from '~/realtime/guests'
import type { AcknowledgedPositions } from '~/realtime/positions'
import type { Sockets } from '~/realtime/sockets'
import type { StreamRegistry } from '~/realtime/stream-registry'
import type { Config } from '~/utils/config'
import type { SharedReads } from '~/utils/shared-reads'

/**
 * What the hub asks of the business side; `instance.ts` hands it in, so that the hub never imports a controller. All of
 * them answer null for whatever is missing, dead or foreign.
 */
export type Lookups = {
  findSession(token: string): Promise<SocketSession | null>
  findSessionById(sessionId: string): Promise<SocketSession | null>
  /** The session of a single-use ticket, which is used up by this call. */
  consumeTicket(ticket: string): Promise<string | null>
  /** Marks sessions used, so that an open socket keeps its session from idling out. */
  touchSessions(sessionIds: string[]): Promise<void>
}

export type HubConfig = Pick<Config, 'ws' | 'corsOrigins' | 'isProduction' | 'trustedProxyHops' | 'port'>

/** What the handlers of messages share. */
export type HubContext = {
  config: HubConfig
  lookups: Lookups
  starts: SharedReads<SubscriptionQuestion, SubscriptionStart>
  sockets: Sockets
  streams: StreamRegistry
  cluster: Cluster
  positions: AcknowledgedPositions
  guests: Guests
  /** Ends one subscription of a socket. */
  unsubscribe(connection: Connection, stream: string): void
}
