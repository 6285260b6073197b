import { createContext } from 'react'
import type { Outbox } from '~/ui/client/outbox'
import type { Connection } from '~/ui/hooks/connection'

/** What `WebSocketProvider` shares with everything below it. */
export type WebSocketShared = { connection: Connection; outbox: Outbox | undefined }

export const WebSocketContext = createContext<WebSocketShared | null>(null)
