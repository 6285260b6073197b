import { Connector, type Ending } from '~/ui/client/connector'
import { Delivery } from '~/ui/client/delivery'
import { Emitter } from '~/ui/client/emitter'
import type { Position, SealedFrame } from '~/ui/client/frames'
import type { ClientEvents } from '~/ui/client/handlers'
import { Handshake } from '~/ui/client/handshake'
import { Inbox } from '~/ui/client/inbox'
import type { Link } from '~/ui/client/link'
import { type ClientLogger, type ClientOptions, defaults, type ReconnectPolicy, type StoreFilter } from '~/ui/client/options'
import { Outgoing, type OutgoingMessage } from '~/ui/client/outgoing'
import { Reloads } from '~/ui/client/reloads'
import { Keyring, type StreamKey } from '~/ui/client/sealed'
import { onWake } from '~/ui/client/signals'
import { type ClientEvent, type ClientState, nextState } from '~/ui/client/states'
import { Streams } from '~/ui/client/streams'
import type { Role } from '~/utils/contracts/common'
import type { ServerFrame } from '~/utils/contracts/frames'

/** What the client knows of itself; a new object at every change. Times are in ms since 1970. */
export type ClientSnapshot = {
  state: ClientState
  /** When the state began. */
  since: number
  /** Reconnects in a row that failed. */
  attempts: number
  retryAt: number | null
  /** `maxReconnectAttempts` failed: the network, the page or `reconnect()` starts again. */
  hasGivenUp: boolean
  /** Why there is no socket. */
  ending: Ending | null
  sessionId: string | null
  userId: string | null
  storeId: string | null
  role: Role | null
  /** Open sockets of the user and of the store, as they were when this one was accepted. */
  userSessions: number
  storeSessions: number
  expiresAt: string | null
  /** From a ping to its pong. */
  latencyMs: number | null
  /** Messages that wait for a live socket. */
  queued: number
  /** An event could not be opened here: without HTTPS there is no Web Crypto, or a key is missing. */
  cannotDecrypt: boolean
}

const initial: Omit<ClientSnapshot, 'since'> = {
  state: 'stopped',
  attempts: 0,
  retryAt: null,
  hasGivenUp: false,
  ending: null,
  sessionId: null,
  userId: null,
  storeId: null,
  role: null,
  userSessions: 0,
  storeSessions: 0,
  expiresAt: null,
  latencyMs: null,
  queued: 0,
  cannotDecrypt: false,
}

/**
 * A client of the hub for browsers, Bun and Node 22: connects, signs in, resumes, and delivers each event of each stream
 * once and in order, or says through `onReload` that the state must be read anew. Never throws after its construction;
 * what goes wrong is in the snapshot and in the log.
 */
export class ZipZapClient {
  #snapshot: ClientSnapshot = { ...initial, since: Date.now() }
  readonly #listeners = new Set<() => void>()
  readonly #logger: ClientLogger
  readonly #emitter: Emitter<ClientEvents>
  readonly #keyring = new Keyring()
  readonly #streams: Streams
  readonly #reloads: Reloads
  readonly #connector: Connector
  readonly #outgoing: Outgoing
  readonly #handshake: Handshake
  readonly #inbox: Inbox<{ link: Link; frame: ServerFrame }>
  readonly #policy: ReconnectPolicy
  #endWake: (() => void) | undefined
  #loading: Promise<void> | undefined

  constructor(options: ClientOptions) {
    const logger = options.logger ?? { warn: console.warn, error: console.error }
    this.#logger = logger
    this.#policy = { ...defaults, ...pick(options) }
    this.#emitter = new Emitter<ClientEvents>((error) => logger.error?.('a handler failed', error))
    this.#streams = new Streams(options.storage, logger)
    this.#reloads = new Reloads(
      this.#streams,
      options.fetchSnapshot,
      (reload) => {
        this.#guard(() => options.onReload?.(reload))
        this.#emitter.emit('reload', reload)
      },
      () => this.#checkLive(),
      logger,
    )
    this.#connector = new Connector(
      {
        url: options.url,
        WebSocket: options.WebSocket ?? globalThis.WebSocket,
        connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
        probeTimeoutMs: options.probeTimeoutMs ?? 3_000,
        policy: this.#policy,
        logger,
      },
      {
        onFrame: (link, frame) => this.#receive(link, frame),
        onEvent: (event, ending) => this.#step(event, ending),
        onLatency: (latencyMs) => this.#set({ latencyMs }),
        onPlan: (retryAt, attempts, hasGivenUp) => this.#set({ retryAt, attempts, hasGivenUp }),
      },
    )
    this.#outgoing = new Outgoing(
      options.maxQueued ?? 100,
      (text) => this.#snapshot.state === 'live' && (this.#connector.current?.sendText(text) ?? false),
      () => this.#snapshot.queued !== this.#outgoing.size && this.#set({ queued: this.#outgoing.size }),
    )
    this.#handshake = new Handshake({
      identify: options.identify,
      deviceId: options.deviceId,
      streams: this.#streams,
      reloads: this.#reloads,
      connector: this.#connector,
      logger,
      onAccepted: (link, facts) => {
        this.#set(facts)
        if (link === this.#connector.current) this.#step('accepted')
      },
      onLive: (link) => this.#becomeLive(link),
    })
    const delivery = new Delivery({
      emitter: this.#emitter,
      streams: this.#streams,
      reloads: this.#reloads,
      keyring: this.#keyring,
      handshake: this.#handshake,
      connector: this.#connector,
      outgoing: this.#outgoing,
      readSealed: options.readSealed,
      me: () => this.#snapshot,
      onRole: (role) => this.#set({ role }),
      onSealed: (frame) => this.#tellSealed(frame),
      onReload: () => this.#checkReload(),
      logger,
    })
    this.#inbox = new Inbox(({ link, frame }) => delivery.handle(link, frame))
  }

  // For the caller

  /** Calls `listener` after every change of the snapshot. Answers how to end it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const own = () => listener()
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  readonly getSnapshot = (): ClientSnapshot => this.#snapshot

  /** Calls `handler` for every event of a type, in the order of its stream; `'*'`: of every type. Answers how to end it. */
  on<K extends keyof ClientEvents>(type: K, handler: (value: ClientEvents[K]) => void): () => void {
    return this.#emitter.on(type, handler)
  }

  /** Connects when stopped, unauthorized or offline; else does nothing. */
  start(): void {
    const { state } = this.#snapshot
    if (state !== 'stopped' && state !== 'unauthorized' && state !== 'offline') return
    this.reconnect()
  }

  /** Connects anew now, whatever the state, and counts attempts from the beginning. */
  reconnect(): void {
    if (this.#loading) return
    this.#endWake ??= onWake(() => this.#connector.wake())
    if (this.#snapshot.state !== 'stopped' && this.#snapshot.state !== 'unauthorized') this.#step('lost')
    const loading = this.#streams.load().then(() => {
      if (this.#loading !== loading) return
      this.#loading = undefined
      this.#connector.connect('start')
    })
    this.#loading = loading
  }

  /** Ends the socket with 1000. Positions are kept: `start` resumes. What was waiting to be sent is dropped. */
  stop(): void {
    this.#loading = undefined
    this.#endWake?.()
    this.#endWake = undefined
    this.#connector.close()
    this.#inbox.clear()
    this.#outgoing.clear()
    this.#step('stop')
    void this.#streams.flush()
  }

  /** As when the page becomes visible: a live socket must answer shortly, a lost one is opened now. */
  wake(): void {
    this.#connector.wake()
  }

  /** Sends now when live, else when it is live again; messages keep their order. False: too long, or too many wait. */
  send(message: OutgoingMessage): boolean {
    const refusal = this.#outgoing.push(message)
    if (refusal) this.#logger.warn?.(`a message was not taken: ${refusal}`, message.type)
    return refusal === undefined
  }

  /** Follows another store, or this one by another filter, on this and every later connection. Answers how to end it. */
  join(storeId: string, filter: StoreFilter = {}): () => void {
    const leave = this.#handshake.join(storeId, filter)
    if (this.#snapshot.state === 'live' && this.#connector.current?.phase !== 'live') this.#step('reload')
    return leave
  }

  /** Resume there if the stream was not followed yet: the position of a list that was read before. */
  startFrom(stream: string, position: Position): void {
    this.#streams.startFrom(stream, position)
  }

  /** Every event after this position was or will be delivered; undefined while the stream is not followed. */
  coverage(stream: string): Position | undefined {
    return this.#streams.coverage(stream)
  }

  configure(policy: Partial<ReconnectPolicy>): void {
    Object.assign(this.#policy, pick(policy))
  }

  /** Handlers and listeners that were not ended. */
  get listenerCount(): number {
    return this.#listeners.size + this.#emitter.size
  }

  // From the socket

  #receive(link: Link, frame: ServerFrame): void {
    this.#keyring.learn(keysOf(frame))
    if (frame.type === 'general_notification' && 'heartbeatIntervalMs' in frame.data) {
      link.greeted(frame.data.heartbeatIntervalMs)
      if (link === this.#connector.current) this.#step('greeted')
      return void this.#handshake.begin(link)
    }
    if (this.#handshake.takes(link, frame)) return
    this.#inbox.put({ link, frame })
  }

  #becomeLive(link: Link): void {
    this.#connector.becameLive(link)
    this.#checkLive()
  }

  #checkLive(): void {
    if (this.#connector.current?.phase !== 'live' || !this.#reloads.isIdle) return
    this.#step('caught_up')
    this.#outgoing.pump()
  }

  #checkReload(): void {
    if (!this.#reloads.isIdle) this.#step('reload')
  }

  #tellSealed(frame: SealedFrame): void {
    this.#logger.warn?.('cannot_decrypt', { stream: frame.stream, type: frame.type, seq: frame.seq })
    this.#set({ cannotDecrypt: true })
    this.#emitter.emit('cannot_decrypt', frame)
  }

  #step(event: ClientEvent, ending?: Ending): void {
    const state = nextState(this.#snapshot.state, event)
    if (event === 'lost' || event === 'refused' || event === 'dismissed' || event === 'stop') this.#reloads.abandon()
    if (state === this.#snapshot.state && !ending) return
    this.#logger.debug?.(`${this.#snapshot.state} → ${state}`, event)
    const isUp = state === 'live' || state === 'stale' || state === 'catching_up'
    this.#set({
      state,
      ...(state !== this.#snapshot.state && { since: Date.now() }),
      ...(ending ? { ending } : state === 'live' && { ending: null }),
      ...(!isUp && { latencyMs: null, sessionId: null }),
      ...(state !== 'offline' && { retryAt: null, hasGivenUp: false }),
    })
  }

  #set(change: Partial<ClientSnapshot>): void {
    if (Object.entries(change).every(([field, value]) => Object.is(value, Reflect.get(this.#snapshot, field)))) return
    this.#snapshot = { ...this.#snapshot, ...change }
    for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) this.#guard(listener)
  }

  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#logger.error?.('a listener failed', error)
    }
  }
}

/** Only the hub's own frames bring keys: what other members send may look like anything. */
function keysOf(frame: ServerFrame): readonly StreamKey[] {
  if (frame.type !== 'sync' && frame.type !== 'subscribed' && frame.type !== 'general_notification') return []
  return ('keys' in frame.data && frame.data.keys) || []
}

const policyNames = ['autoReconnect', 'reconnectIntervalMs', 'maxReconnectIntervalMs', 'maxReconnectAttempts'] as const

/** The fields of a policy that are given. */
function pick(given: Partial<ReconnectPolicy>): Partial<ReconnectPolicy> {
  return Object.fromEntries(policyNames.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])))
}
