import { type ReactNode, useContext, useEffect, useMemo } from 'react'
import type { Outbox } from '~/ui/client/outbox'
import { connectionFor } from '~/ui/hooks/connection'
import { type UseWebSocketOptions, useView, useWebSocket, type WebSocketView } from '~/ui/hooks/use-websocket'
import { WebSocketContext } from '~/ui/hooks/websocket-context'

export type WebSocketProviderProps = UseWebSocketOptions & {
  children?: ReactNode
  /** Writes that wait for the network; sent on when the socket is live again. */
  outbox?: Outbox
}

/** One connection for everything below it. Without options: to this page's own server, as whoever its cookie says. */
export function WebSocketProvider({ children, outbox, ...options }: WebSocketProviderProps) {
  const connection = connectionFor(options)
  const shared = useMemo(() => ({ connection, outbox }), [connection, outbox])
  useEffect(() => {
    if (!outbox) return
    const { client } = connection
    return client.subscribe(() => client.getSnapshot().state === 'live' && void outbox.flush())
  }, [connection, outbox])
  return (
    <WebSocketContext value={shared}>
      <Connect autoConnect {...options} />
      {children}
    </WebSocketContext>
  )
}

/** Connects without rendering: it reads nothing of what the hook offers. */
function Connect(options: UseWebSocketOptions) {
  useWebSocket(options)
  return null
}

/** The provider's connection. Throws outside of a `WebSocketProvider`. */
export function useWebSocketContext(): WebSocketView {
  const shared = useContext(WebSocketContext)
  if (!shared) throw new Error('useWebSocketContext needs a WebSocketProvider above it')
  return useView(shared.connection)
}
