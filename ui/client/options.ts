import type { LoggedFrame, SealedFrame } from '~/ui/client/frames'
import type { PositionStorage } from '~/ui/client/streams'
import type { Authenticate } from '~/utils/contracts/messages'
import type { Snapshot } from '~/utils/contracts/snapshot'

export type ClientLogger = { [Level in 'debug' | 'info' | 'warn' | 'error']?: ((message: string, detail?: unknown) => void) | undefined }

/** A session's token, or a one-time ticket of POST /api/v1/websocket/tickets; undefined: the cookie of the upgrade. */
export type Credential = string | { ticket: string } | undefined

/** Which events of a store the hub sends. */
export type StoreFilter = Pick<Authenticate, 'events' | 'where'>

/** Who connects: a member, or the holder of one order's tracking token. */
export type Identity =
  | { userId: string; storeId?: string | null | undefined; credential?: Credential; filter?: StoreFilter | undefined }
  | { trackingToken: string }

/** Why the state of a stream must be read anew: `first`, nothing is known yet; the hub's reasons; or what the client saw itself. */
export type ReloadReason = 'first' | 'expired' | 'epoch_changed' | 'ahead' | 'too_far' | 'gap' | 'role_changed'

/** `snapshot` is there for a store's stream when `fetchSnapshot` was given; later events of the stream come after it. */
export type Reload = { stream: string; storeId: string | undefined; reason: ReloadReason; snapshot: Snapshot | undefined }

export type ReconnectPolicy = {
  /** False: a lost socket stays lost until `reconnect()`. */
  autoReconnect: boolean
  /** The base of the back-off in ms: the window doubles from here with each failure, and the delay is drawn from it. */
  reconnectIntervalMs: number
  /** The window grows no further than this. */
  maxReconnectIntervalMs: number
  /** Failures in a row after which the client waits for the network, the page or `reconnect()`. */
  maxReconnectAttempts: number
}

export type ClientOptions = Partial<ReconnectPolicy> & {
  /** `wss://host/ws`. Never holds a credential. */
  url: string
  /** Asked at every connect and when the session is about to expire, so that a token is never an old one. */
  identify: () => Identity | Promise<Identity>
  /** With it the hub remembers this device's positions: the queue for a client that lost its own memory. */
  deviceId?: string
  /** Memory when left out. */
  storage?: PositionStorage
  fetchSnapshot?: (storeId: string) => Promise<Snapshot>
  onReload?: (reload: Reload) => void
  /** Reads an event that cannot be opened here by REST; undefined when that is not possible either. */
  readSealed?: (frame: SealedFrame) => Promise<LoggedFrame | undefined>
  /** Messages that may wait for a live socket. */
  maxQueued?: number
  /** From the first byte to the hub's acceptance. */
  connectTimeoutMs?: number
  /** How long a probe waits for a sign of life. */
  probeTimeoutMs?: number
  /** Errors and warnings go to the console when left out. */
  logger?: ClientLogger
  /** Another implementation than the global one. */
  WebSocket?: typeof WebSocket
}

export const defaults = {
  autoReconnect: true,
  reconnectIntervalMs: 1000,
  maxReconnectIntervalMs: 30_000,
  maxReconnectAttempts: Number.POSITIVE_INFINITY,
} satisfies ReconnectPolicy
