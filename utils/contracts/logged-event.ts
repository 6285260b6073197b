import type { LoggedEventType } from '~/utils/contracts/event-types'

/** What the log holds, as its readers in `db`, in the hub and in `utils` know it. */

export type StreamName = `store:${string}` | `user:${string}`

/** How the `data` of an event was sealed; utils/sealing.ts. */
export type Enc = { v: 1; alg: 'A256GCM'; kid: string; iv: string }

/** An event as the log holds it. `json` is the text of its `data`: sealed where `enc` says so. */
export type LoggedEvent = {
  stream: StreamName
  epoch: string
  seq: number
  id: string
  type: LoggedEventType
  json: string
  enc: Enc | null
  timestamp: string
  userId: string | null
  storeId: string | null
  sessionId: string | null
  subjectId: string | null
  orderStatus: string | null
  orderType: string | null
  orderCreatedBy: string | null
}
