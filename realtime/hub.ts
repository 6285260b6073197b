import type { Server, WebSocketHandler } from 'bun'
import { readSubscriptionStarts } from '~/db/hub-reads'
import { Cluster } from '~/realtime/cluster'
import { Connection, type SocketSession } from '~/realtime/connection'
import type { HubConfig, HubContext, Lookups } from '~/realtime/context'
import { receive, receivePing, receivePong } from '~/realtime/dispatch'
import { Guests } from '~/realtime/guests'
import { Heartbeat } from '~/realtime/heartbeat'
import type { LiveStream } from '~/realtime/live-stream'
import { AcknowledgedPositions } from '~/realtime/positions'
import { Reconciliation } from '~/realtime/reconciliation'
import type { Relay, RelayListener } from '~/realtime/relay/relay'
import { applyMemberEvent } from '~/realtime/rights'
import { Sockets } from '~/realtime/sockets'
import { StreamRegistry } from '~/realtime/stream-registry'
import { type Upgrades, upgrade } from '~/realtime/upgrade'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import type { PresentUser } from '~/utils/contracts/presence'
import { isAboutMember } from '~/utils/event-view'
import { logger } from '~/utils/logger'
import { metrics } from '~/utils/metrics'
import { SharedReads } from '~/utils/shared-reads'
import { traced } from '~/utils/tracing'
import type { WebSocketHealth, WebSocketManager, WebSocketStats } from '~/utils/websocket'

export type HubOptions = {
  config: HubConfig
  lookups: Lookups
  hasCredential(headers: Headers): 'none' | 'bearer' | 'cookie'
  identify(headers: Headers): Promise<SocketSession | null>
  /** Sessions ended or memberships changed, here or elsewhere: nothing remembered of them counts any more. */
  onRightsChanged(): void
}

/**
 * The embedded WebSocket hub: opens and closes sockets, hands frames to their handlers, and lets committed events reach
 * their streams. It is what `wsManager` stands for. Nothing that a callback throws leaves it.
 */
export class Hub implements WebSocketManager {
  private readonly context: HubContext
  private readonly heartbeat: Heartbeat
  private readonly reconciliation: Reconciliation
  private readonly upgrades: Upgrades
  private readonly startedAt = performance.now()
  private isDraining = false
  private deliveries = 0

  constructor(private readonly options: HubOptions) {
    const { config } = options
    const streams = new StreamRegistry({
      onMemberEvent: (stream, event) => this.orBreak(stream, () => applyMemberEvent(this.context, stream, event)),
      onOrderStatus: (stream, event) => this.orBreak(stream, () => this.context.guests.tell(event)),
      onBroken: (stream, reason) => this.breakStream(stream, reason),
      onDelivered: (count, bytes) => {
        this.deliveries += count
        metrics.deliveries.inc(count)
        metrics.deliveredBytes.inc(bytes)
      },
    })
    this.context = {
      config,
      lookups: options.lookups,
      starts: new SharedReads(readSubscriptionStarts),
      sockets: new Sockets((userId, sockets) => this.context.cluster.setSockets(userId, sockets)),
      streams,
      cluster: new Cluster(streams, {
        endSessions: (ids) => this.closeSessions(ids),
        onGap: () => void this.reconciliation.run(),
        onRightsChanged: () => options.onRightsChanged(),
      }),
      positions: new AcknowledgedPositions(),
      guests: new Guests(),
      unsubscribe: (connection, stream) => this.unsubscribe(connection, stream),
    }
    this.heartbeat = new Heartbeat(this.context)
    this.reconciliation = new Reconciliation(this.context, (ids) => this.closeSessions(ids))
    const onClosing = (connection: Connection, code: number) => this.forget(connection, code)
    this.upgrades = {
      hub: this.context,
      isDraining: () => this.isDraining,
      hasCredential: options.hasCredential,
      identify: options.identify,
      create: (address, session) => new Connection(address, session, config.ws.maxBufferedBytes, onClosing, performance.now()),
    }
  }

  /** Begins to serve; `openRelay` connects to the other instances. */
  async start(openRelay: (listener: RelayListener) => Promise<Relay>): Promise<void> {
    await this.context.cluster.join(openRelay)
    this.heartbeat.start()
    this.reconciliation.start()
  }

  // Sockets

  /** Opens a socket (undefined) or answers why not. */
  upgrade(request: Request, server: Server<Connection>): Promise<Response | undefined> {
    return upgrade(this.upgrades, request, server)
  }

  /** What `Bun.serve` calls. A throw in any of these would end the process: each is caught, and costs its own socket. */
  readonly handlers: WebSocketHandler<Connection> = {
    // Longer frames are refused by the runtime with 1009, which this hub does from 16 KiB on.
    maxPayloadLength: 64 * 1024,
    // The hub closes slow sockets itself, with 4408; this is the net below.
    backpressureLimit: 256 * 1024 * 1024,
    closeOnBackpressureLimit: true,
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: false,
    open: (socket) => safely(socket.data, () => this.greet(socket.data.attach(socket))),
    message: (socket, frame) => safely(socket.data, () => receive(this.context, socket.data, frame)),
    drain: (socket) => safely(socket.data, () => socket.data.handleDrain()),
    ping: (socket) => safely(socket.data, () => receivePing(socket.data)),
    pong: (socket, payload) => safely(socket.data, () => receivePong(socket.data, payload.toString('latin1'))),
    close: (socket, code, reason) => safely(socket.data, () => socket.data.handleClose(code, reason)),
  }

  private greet(connection: Connection): void {
    logger.debug({ sessionId: connection.sessionId, isKnown: connection.upgradeSession !== null }, 'websocket: connected')
    connection.sendMessage('general_notification', {
      message: 'Connected to ZipZap',
      sessionId: connection.sessionId,
      authenticated: false,
      heartbeatIntervalMs: this.options.config.ws.heartbeatMs,
    })
    if (this.isDraining) connection.close(1012)
  }

  /** The socket is closing: nothing more is sent to it, and it counts nowhere. */
  private forget(connection: Connection, code: number): void {
    metrics.closes.inc({ code })
    for (const name of connection.subscriptions.names) this.unsubscribe(connection, name)
    for (const name of this.context.guests.remove(connection)) {
      const stream = this.context.streams.get(name as StreamName)
      if (stream) stream.guests -= 1
    }
    if (connection.user) this.context.cluster.setOwner(connection.sessionId, null)
    this.context.sockets.remove(connection)
    if (connection.user?.deviceId) void this.context.positions.flush()
  }

  private unsubscribe(connection: Connection, name: string): void {
    const subscription = connection.subscriptions.get(name)
    if (!subscription) return
    connection.subscriptions.delete(name)
    subscription.stream.remove(subscription)
    if (subscription.role) this.context.cluster.presence.leave(subscription.stream.ownerId, subscription.userId)
  }

  // Streams

  private publish(events: LoggedEvent[]): void {
    traced('publish', () => this.publishSafely(events))
  }

  private publishSafely(events: LoggedEvent[]): void {
    try {
      this.context.streams.publish(events)
      this.context.cluster.announceHeads(events)
      if (events.some(isAboutMember)) {
        this.options.onRightsChanged()
        this.context.cluster.announceRights()
      }
    } catch (error) {
      // The events are committed: the reconciliation delivers them.
      logger.error({ err: error }, 'websocket: publishing failed')
    }
  }

  /** What cannot be done for one event must not be passed over in silence: the stream's sockets come back. */
  private orBreak(stream: LiveStream, work: () => void): void {
    try {
      work()
    } catch (error) {
      logger.error({ err: error, stream: stream.name }, 'websocket: an event could not be handled')
      this.breakStream(stream, 'a fault')
    }
  }

  private breakStream(stream: LiveStream, reason: string): void {
    logger.warn({ stream: stream.name, reason }, 'websocket: a stream starts anew')
    this.context.streams.drop(stream)
    const guests =
      stream.guests > 0 ? [...this.context.sockets].filter((connection) => [...(connection.tracked?.values() ?? [])].includes(stream.name)) : []
    for (const connection of [...stream.subscriptions.keys(), ...guests]) connection.close(1012, 'Come back and reload')
  }

  // wsManager

  sendProfileUpdate = (_userId: string, events: LoggedEvent[]): void => this.publish(events)
  sendOrderUpdate = (_storeId: string, events: LoggedEvent[]): void => this.publish(events)
  sendCustomerUpdate = (_storeId: string, events: LoggedEvent[]): void => this.publish(events)
  sendStoreUpdate = (_storeId: string, events: LoggedEvent[]): void => this.publish(events)
  sendProductUpdate = (_storeId: string, events: LoggedEvent[]): void => this.publish(events)
  sendCategoryUpdate = (_storeId: string, events: LoggedEvent[]): void => this.publish(events)
  sendNotification = (_target: string, events: LoggedEvent[]): void => this.publish(events)

  endSessions(sessionIds: string[]): void {
    this.closeSessions(sessionIds)
    this.context.cluster.announceEnded(sessionIds)
  }

  private closeSessions(sessionIds: string[]): void {
    if (sessionIds.length === 0) return
    this.options.onRightsChanged()
    const ended = new Set(sessionIds)
    for (const connection of [...this.context.sockets]) {
      const sessionId = connection.user?.sessionId ?? connection.upgradeSession?.sessionId
      if (sessionId && ended.has(sessionId)) connection.close(4401, 'The session has ended')
    }
  }

  forgetEvents(stream: StreamName): void {
    this.context.streams.forget(stream)
    this.context.cluster.announceForgotten(stream)
  }

  ownsSession(userId: string, wsSessionId: string): boolean {
    return this.context.cluster.ownsSession(userId, wsSessionId)
  }

  async getPresence(storeId: string): Promise<PresentUser[]> {
    return this.context.cluster.presence.list(storeId)
  }

  getStats(): WebSocketStats {
    const activeSince = performance.now() - this.options.config.ws.heartbeatMs * 2
    const connections = [...this.context.sockets]
    const authenticated = connections.filter((connection) => connection.user !== null)
    return {
      totalConnections: connections.length,
      activeConnections: authenticated.filter((connection) => connection.heardAt >= activeSince).length,
      anonymousConnections: connections.length - authenticated.length,
      streams: this.context.streams.size,
      subscriptions: connections.reduce((sum, connection) => sum + connection.subscriptions.size, 0),
      deliveries: this.deliveries,
      uptimeSeconds: Math.round((performance.now() - this.startedAt) / 1000),
    }
  }

  getHealth(): WebSocketHealth {
    return { hub: 'ok', relay: this.context.cluster.isUp ? 'ok' : 'degraded' }
  }

  // The way out

  /** Refuses new sockets from now on and asks the open ones to move, spread over most of `drainMs`. */
  drain(drainMs: number): void {
    this.isDraining = true
    for (const connection of this.context.sockets) {
      // A socket that follows nothing yet hears nothing but greeting, pong and errors.
      if (connection.user || connection.tracked) connection.sendMessage('goaway', { reconnectAfterMs: Math.round(Math.random() * drainMs * 0.8) })
    }
  }

  get openSockets(): number {
    return this.context.sockets.size
  }

  async stop(): Promise<void> {
    this.isDraining = true
    this.reconciliation.stop()
    this.heartbeat.stop()
    for (const connection of [...this.context.sockets]) connection.close(1012)
    await this.context.cluster.leave()
    this.context.streams.dispose()
    await this.context.positions.flush()
  }
}

function safely(connection: Connection, work: () => void): void {
  try {
    work()
  } catch (error) {
    logger.error({ err: error, sessionId: connection.sessionId }, 'websocket: a callback failed')
    connection.close(1011)
  }
}
