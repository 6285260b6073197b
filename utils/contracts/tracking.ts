import { z } from 'zod'
import { timestamp } from '~/utils/contracts/common'
import type { Order } from '~/utils/contracts/order'
import { orderStatusSchema, orderTypeSchema } from '~/utils/contracts/order-document'

/** What the holder of a tracking token may know: no names of persons, no prices, no notes, no ids. */
export const trackedOrderSchema = z
  .object({
    orderNumber: z.string(),
    status: orderStatusSchema,
    type: orderTypeSchema,
    items: z.array(z.object({ name: z.string(), quantity: z.int() })),
    requestedFor: timestamp.nullable(),
    statusHistory: z.array(z.object({ status: orderStatusSchema, at: timestamp })),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'TrackedOrder' })
export type TrackedOrder = z.infer<typeof trackedOrderSchema>

export const toTracked = (order: Order): TrackedOrder => ({
  orderNumber: order.orderNumber,
  status: order.status,
  type: order.type,
  items: order.items.map((item) => ({ name: item.name, quantity: item.quantity })),
  requestedFor: order.requestedFor,
  statusHistory: order.statusHistory.map((change) => ({ status: change.status, at: change.at })),
  createdAt: order.createdAt,
  updatedAt: order.updatedAt,
})
