import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'

/** An event of a log that no database holds. */
export const loggedEvent = (stream: StreamName, seq: number, epoch = 'first'): LoggedEvent => ({
  stream,
  epoch,
  seq,
  id: Bun.randomUUIDv7(),
  type: 'product_updated',
  json: '{}',
  enc: null,
  timestamp: '2026-01-01T00:00:00.000Z',
  userId: null,
  storeId: null,
  sessionId: null,
  subjectId: null,
  orderStatus: null,
  orderType: null,
  orderCreatedBy: null,
})
