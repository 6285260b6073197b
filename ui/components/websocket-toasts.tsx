import { useEffect, useRef } from 'react'
import { toast } from 'sonner'
import { useConnection, useView, useWebSocketEvent } from '~/ui/hooks/use-websocket'

/** Shows notifications of the store, and the loss and return of the connection, as toasts. Needs sonner's `<Toaster />`. */
export function WebSocketToasts() {
  const { status } = useView(useConnection({}))
  const wasConnected = useRef(false)
  useWebSocketEvent('general_notification', ({ id, data }) => toast[data.level](data.message, { id }))
  useEffect(() => {
    if (status === 'CONNECTED') toast.dismiss(connectionToast)
    else if (wasConnected.current && status !== 'CONNECTING') {
      toast.warning('The connection is lost. What you see may be old.', { id: connectionToast, duration: Number.POSITIVE_INFINITY })
    }
    wasConnected.current ||= status === 'CONNECTED'
  }, [status])
  return null
}

const connectionToast = 'zipzap-connection'
