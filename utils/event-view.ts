import type { View } from '~/utils/actor'
import type { LoggedEvent } from '~/utils/contracts/logged-event'

/**
 * What a role may see of a logged event: the one place that REST (`…/events`) and the hub ask, so that a socket never
 * tells what a list refuses.
 */

const catalogueTypes = new Set<string>(['product_updated', 'category_updated', 'store_updated'])
export const orderTypes = ['order_created', 'order_updated', 'order_status_changed'] as const
export const customerTypes = ['customer_created', 'customer_updated'] as const

const isOneOf = (types: readonly string[], type: string) => types.includes(type)

/**
 * Whether the holder of `view` may see the event at all. `userId` is the reader's: a kiosk sees the orders it made, and
 * a user's own stream is that user's alone.
 */
export function isVisible(event: LoggedEvent, view: View, userId: string): boolean {
  if (event.stream.startsWith('user:')) return event.stream === `user:${userId}`
  if (view === 'full') return true
  if (view === 'kitchen') return !isOneOf(customerTypes, event.type)
  if (isOneOf(orderTypes, event.type)) return event.orderCreatedBy === userId
  return catalogueTypes.has(event.type) && !isAboutMember(event)
}

/** `store_updated` also tells of members, whom a kiosk may not read: then its subject is the member, not the store. */
export const isAboutMember = (event: LoggedEvent): boolean => event.type === 'store_updated' && event.subjectId !== event.storeId

/**
 * The WebSocket message of a visible event as JSON text. Its `data` is the text that was logged, so that encoding one
 * event for a thousand sockets parses nothing; only the kitchen's orders are cut.
 */
export function frameOf(event: LoggedEvent, view: View): string {
  const isCut = view === 'kitchen' && isOneOf(orderTypes, event.type)
  const data = isCut ? kitchenData(event.json) : event.json
  const actor = event.userId === null ? '' : `,"userId":"${event.userId}"`
  const store = event.storeId === null ? '' : `,"storeId":"${event.storeId}"`
  const session = event.sessionId === null ? '' : `,"sessionId":${JSON.stringify(event.sessionId)}`
  const enc = event.enc === null ? '' : `,"enc":${JSON.stringify(event.enc)}`
  const position = `"id":"${event.id}","stream":"${event.stream}","epoch":"${event.epoch}","seq":${event.seq}`
  return `{"type":"${event.type}","data":${data},"timestamp":"${event.timestamp}"${actor}${store}${session}${enc},${position}}`
}

/** What never reaches the kitchen, in REST's orders as in events. */
export const hiddenFromKitchen = { trackingToken: null, deliveryAddress: null }

function kitchenData(json: string): string {
  const data = parse(json)
  return JSON.stringify({ ...data, order: { ...data.order, ...hiddenFromKitchen } })
}

/** Our own writers made this text, by the contract of its type. */
const parse = (json: string): { order: object } => JSON.parse(json) as { order: object }
