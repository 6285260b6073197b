import type { Connection } from '~/realtime/connection'
import { Presence } from '~/realtime/presence'
import { encodeFrame } from '~/realtime/protocol'
import { inProcessRelay } from '~/realtime/relay/in-process'
import type { Relay, RelayListener, RelayMessage } from '~/realtime/relay/relay'
import { SharedState } from '~/realtime/shared-state'
import type { StreamRegistry } from '~/realtime/stream-registry'
import type { View } from '~/utils/actor'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'

/** Kiosks hear of no other people. */
const peopleViews: View[] = ['full', 'kitchen']

const socketsKey = (userId: string) => `sockets ${userId}`

/**
 * This instance among the others: what must be told to all sockets of a store, or counted over all instances, goes
 * through here. Alone it costs next to nothing.
 */
export class Cluster {
  private relay: Relay = inProcessRelay
  private readonly state: SharedState
  readonly presence: Presence

  constructor(
    private readonly streams: StreamRegistry,
    private readonly hooks: { endSessions(sessionIds: string[]): void; onGap(): void; onRightsChanged(): void },
  ) {
    this.state = new SharedState(
      (message) => this.relay.send(message),
      (key) => this.presence.changed(key),
    )
    this.presence = new Presence(this.state, (storeId, type, data) =>
      this.tell(`store:${storeId}`, type, encodeFrame(type, data, { storeId }), { isLocal: true }),
    )
  }

  /** Connects to the other instances. */
  async join(open: (listener: RelayListener) => Promise<Relay>): Promise<void> {
    this.relay = await open({
      receive: (instance, message) => this.receive(instance, message),
      onGap: () => this.hooks.onGap(),
      onPeerGone: (instance) => this.state.drop(instance),
      stateVersion: () => this.state.version,
    })
  }

  get isUp(): boolean {
    return this.relay.isUp
  }

  private receive(instance: string, message: RelayMessage): void {
    switch (message.kind) {
      case 'head':
        return this.streams.hint(message.stream, message.seq)
      case 'tell':
        return this.streams.get(message.stream)?.announce(message)
      case 'ended':
        return this.hooks.endSessions(message.sessionIds)
      case 'rights':
        return this.hooks.onRightsChanged()
      case 'forget':
        return this.streams.forget(message.stream)
      case 'state':
        return this.state.receive(instance, message)
      case 'pull':
        return this.state.tellWhole()
      case 'probe':
        return this.state.compare(instance, message.version)
      case 'goodbye':
        return
    }
  }

  /** Says that the log has grown; the other instances read it themselves. */
  announceHeads(events: readonly LoggedEvent[]): void {
    for (const { stream, seq } of events) this.relay.send({ kind: 'head', stream, seq })
  }

  /** Tells the live sockets of a stream something that is not logged, on every instance unless it is `isLocal`. */
  tell(stream: StreamName, type: string, frame: string, options: { except?: Connection; isLocal?: boolean } = {}): void {
    this.streams.get(stream)?.announce({ type, frame, views: peopleViews, except: options.except })
    if (!options.isLocal) this.relay.send({ kind: 'tell', stream, type, frame, views: peopleViews })
  }

  announceEnded(sessionIds: string[]): void {
    this.relay.send({ kind: 'ended', sessionIds })
  }

  announceRights(): void {
    this.relay.send({ kind: 'rights' })
  }

  announceForgotten(stream: StreamName): void {
    this.relay.send({ kind: 'forget', stream })
  }

  // Facts about sockets that hold over all instances

  setSockets(userId: string, sockets: ReadonlySet<Connection>): void {
    let authenticated = 0
    for (const socket of sockets) if (socket.user !== null) authenticated += 1
    this.state.set(socketsKey(userId), sockets.size > 0 ? { count: sockets.size, authenticated } : undefined)
  }

  /** A user's open sockets on all instances. */
  countSockets(userId: string): number {
    return this.sumSockets(userId, 'count')
  }

  /** Of these, the ones that have authenticated. */
  countAuthenticated(userId: string): number {
    return this.sumSockets(userId, 'authenticated')
  }

  private sumSockets(userId: string, of: 'count' | 'authenticated'): number {
    return this.state.everywhere(socketsKey(userId)).reduce((sum, fact) => sum + ('count' in fact ? fact[of] : 0), 0)
  }

  /** Kept under the id alone, which takes no memory of its own: no other key looks like one. */
  setOwner(wsSessionId: string, userId: string | null): void {
    this.state.set(wsSessionId, userId === null ? undefined : { userId })
  }

  ownsSession(userId: string, wsSessionId: string): boolean {
    return this.state.everywhere(wsSessionId).some((fact) => 'userId' in fact && fact.userId === userId)
  }

  async leave(): Promise<void> {
    this.presence.dispose()
    await this.relay.stop()
  }
}
