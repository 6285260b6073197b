import { readTrackedStart } from '~/db/hub-reads'
import type { Connection } from '~/realtime/connection'
import type { HubContext } from '~/realtime/context'
import { countSubscriptions, maxSubscriptions } from '~/realtime/limits'
import { encodeFrame } from '~/realtime/protocol'
import type { StatusChangeData } from '~/utils/contracts/frames'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { toTracked } from '~/utils/contracts/tracking'
import { logger } from '~/utils/logger'

/** Whoever holds an order's tracking token hears how its status changes, and nothing else of its store. */
export class Guests {
  /** By order id. */
  private readonly orders = new Map<string, Set<Connection>>()

  add(orderId: string, connection: Connection): void {
    const listeners = this.orders.get(orderId) ?? new Set<Connection>()
    this.orders.set(orderId, listeners)
    listeners.add(connection)
  }

  /** Sends a change of status to the order's listeners, cut to what `/track` shows. */
  tell(event: LoggedEvent): void {
    const listeners = event.subjectId ? this.orders.get(event.subjectId) : undefined
    if (!listeners) return
    const frame = guestFrame(event)
    for (const connection of listeners) connection.send(frame)
  }

  /** Forgets a socket; answers the streams that it listened to through orders. */
  remove(connection: Connection): string[] {
    for (const orderId of connection.tracked?.keys() ?? []) {
      const listeners = this.orders.get(orderId)
      listeners?.delete(connection)
      if (listeners?.size === 0) this.orders.delete(orderId)
    }
    return [...(connection.tracked?.values() ?? [])]
  }
}

function guestFrame(event: LoggedEvent): string {
  const { action, orderId, previousStatus, order } = orderChangeOf(event)
  return encodeFrame('order_status_changed', { action, orderId, previousStatus, ...toTracked(order) })
}

/** The data of a change of status, which our own controllers wrote. */
const orderChangeOf = (event: LoggedEvent) => JSON.parse(event.json) as StatusChangeData

/** `subscribe {trackingToken}`: no session is needed, the token is the right. */
export async function trackOrder(hub: HubContext, connection: Connection, trackingToken: string, replyTo: string | undefined): Promise<void> {
  const found = await readTrackedStart(trackingToken)
  if (!found || connection.isClosed) return connection.sendError('not_found', 'No such order', replyTo)
  const name: StreamName = `store:${found.storeId}`
  hub.streams.listen(name)
  // The stream listens before the order is read again, so no change of status falls between the two.
  const start = await readTrackedStart(trackingToken)
  if (!start || connection.isClosed) return connection.sendError('not_found', 'No such order', replyTo)
  const stream = await hub.streams.reach(name, start)
  if (connection.isClosed) return
  const passed = stream.passedSince(start.seq)
  if (stream.isGone || !passed) throw new Error(`${name} has moved on too far`)
  connection.tracked ??= new Map()
  if (!connection.tracked.has(start.orderId) && countSubscriptions(connection) >= maxSubscriptions) {
    return connection.sendError('too_many_subscriptions', 'At most 50 subscriptions', replyTo)
  }
  if (!connection.tracked.has(start.orderId)) stream.guests += 1
  connection.tracked.set(start.orderId, name)
  logger.debug({ sessionId: connection.sessionId, orderId: start.orderId }, 'websocket: subscribed')
  connection.sendMessage('subscribed', { orderId: start.orderId, orderNumber: start.orderNumber, status: start.status }, replyTo)
  // Changes that the stream passed since the order was read.
  for (const event of passed) {
    if (event.type === 'order_status_changed' && event.subjectId === start.orderId) connection.send(guestFrame(event))
  }
  hub.guests.add(start.orderId, connection)
}
