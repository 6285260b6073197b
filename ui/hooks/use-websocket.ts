import { useContext, useEffect, useEffectEvent, useMemo, useSyncExternalStore } from 'react'
import type { ClientSnapshot } from '~/ui/client/client'
import type { ApplicationFrame } from '~/ui/client/frames'
import type { ClientEvents } from '~/ui/client/handlers'
import type { OutgoingMessage } from '~/ui/client/outgoing'
import { type Connection, type ConnectionOptions, connectionFor, type Rendered } from '~/ui/hooks/connection'
import { WebSocketContext } from '~/ui/hooks/websocket-context'

export type WebSocketStatus = 'CONNECTING' | 'CONNECTED' | 'DISCONNECTED' | 'ERROR'

export type UseWebSocketOptions = ConnectionOptions & {
  /** Connect when the component mounts; left out: true, or as the provider above does. */
  autoConnect?: boolean
  /** Connect again when the socket is lost; true when left out. */
  autoReconnect?: boolean
  /** The base of the back-off in ms: 5000 when left out. */
  reconnectInterval?: number
  /** Failures in a row after which the status is ERROR; unlimited when left out. */
  maxReconnectAttempts?: number
}

/**
 * The connection as a component sees it. A component is rendered again only for what it reads of this, and at most once
 * a frame.
 */
export type WebSocketView = {
  readonly status: WebSocketStatus
  readonly isConnected: boolean
  /** The latest application event since the component mounted: one after another, each in a render of its own. */
  readonly lastMessage: ApplicationFrame | null
  /**
   * The events of the last render. Only after a burst of more than sixty there are several; then `lastMessage` is the
   * last of them. `useWebSocketEvent` gets every one without rendering.
   */
  readonly messages: readonly ApplicationFrame[]
  /** Everything the client knows of itself. */
  readonly state: ClientSnapshot
  /** False: too long, or too many wait. Without a live socket a message waits for the next one. */
  sendMessage(message: OutgoingMessage): boolean
  /** Connects anew now, also after the client has given up or the user has signed in again. */
  reconnect(): void
  disconnect(): void
}

export function statusOf({ state, hasGivenUp }: Pick<ClientSnapshot, 'state' | 'hasGivenUp'>): WebSocketStatus {
  if (state === 'live') return 'CONNECTED'
  if (state === 'unauthorized' || hasGivenUp) return 'ERROR'
  return state === 'offline' || state === 'stopped' ? 'DISCONNECTED' : 'CONNECTING'
}

/**
 * Connects, or joins the connection of the `WebSocketProvider` above unless the options name another one. Components
 * with equal options share one socket.
 */
export function useWebSocket(options: UseWebSocketOptions = {}): WebSocketView {
  const connection = useConnection(options)
  const isShared = useContext(WebSocketContext)?.connection === connection
  const { autoConnect = !isShared, autoReconnect, reconnectInterval, maxReconnectAttempts } = options
  useEffect(() => {
    connection.configure({
      ...(autoReconnect !== undefined && { autoReconnect }),
      ...(reconnectInterval !== undefined && { reconnectIntervalMs: reconnectInterval }),
      ...(maxReconnectAttempts !== undefined && { maxReconnectAttempts }),
    })
  }, [connection, autoReconnect, reconnectInterval, maxReconnectAttempts])
  useEffect(() => {
    if (autoConnect) connection.client.start()
  }, [connection, autoConnect])
  return useView(connection)
}

/** Calls `handler` for every event of a type, in order and as it comes; `'*'`: of every type. */
export function useWebSocketEvent<K extends keyof ClientEvents>(
  type: K,
  handler: (event: ClientEvents[K]) => void,
  options: ConnectionOptions = {},
): void {
  const connection = useConnection(options)
  const handle = useEffectEvent(handler)
  useEffect(() => connection.client.on(type, (event) => handle(event)), [connection, type])
}

/** The connection of the provider above, unless the options name one; held while the component is mounted. */
export function useConnection(options: ConnectionOptions): Connection {
  const shared = useContext(WebSocketContext)
  const { url, baseUrl, userId, storeId, deviceId, getToken } = options
  const isOwn = !shared || [url, baseUrl, userId, storeId, deviceId, getToken].some((option) => option !== undefined)
  const connection = isOwn ? connectionFor(options) : shared.connection
  useEffect(() => connection.retain(), [connection])
  return connection
}

/** A view of a connection that renders its component only for what that reads. */
export function useView(connection: Connection): WebSocketView {
  const { view, subscribe, getMark } = useMemo(() => createView(connection), [connection])
  useSyncExternalStore(subscribe, getMark, getMark)
  return view
}

type Part = 'status' | 'isConnected' | 'messages' | 'state'

function createView(connection: Connection) {
  const read = new Set<Part>()
  const from = connection.getRendered().turn
  const partsOf = ({ snapshot, messages, turn }: Rendered) => {
    const status = statusOf(snapshot)
    return { status, isConnected: status === 'CONNECTED', messages: turn > from ? messages : none, state: snapshot }
  }
  let parts = partsOf(connection.getRendered())
  let mark = {}
  const get = <P extends Part>(part: P) => {
    read.add(part)
    return parts[part]
  }
  const view: WebSocketView = {
    get status() {
      return get('status')
    },
    get isConnected() {
      return get('isConnected')
    },
    get messages() {
      return get('messages')
    },
    get lastMessage() {
      return get('messages').at(-1) ?? null
    },
    get state() {
      return get('state')
    },
    sendMessage: (message) => connection.client.send(message),
    reconnect: () => connection.client.reconnect(),
    disconnect: () => connection.client.stop(),
  }
  /** Another object whenever something that was read has changed. */
  const getMark = () => {
    const next = partsOf(connection.getRendered())
    if ([...read].some((part) => !Object.is(next[part], parts[part]))) mark = {}
    parts = next
    return mark
  }
  return { view, subscribe: connection.subscribe, getMark }
}

const none: readonly ApplicationFrame[] = []
