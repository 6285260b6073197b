import { and, eq, gte, inArray, lte, type SQL, sql } from 'drizzle-orm'
import type { PendingNumber } from '~/db/append'
import { db } from '~/db/client'
import type { Emit } from '~/db/events'
import { readPage } from '~/db/page'
import { orders } from '~/db/schema'
import { containsText } from '~/db/search'
import type { Transaction } from '~/db/session'
import { builder, rowDecoder, Statement, slot } from '~/db/statement'
import { storeStream } from '~/db/streams'
import { requireVersion } from '~/db/versioned'
import type { Member } from '~/utils/actor'
import type { Role } from '~/utils/contracts/common'
import type { Order, OrderQuery } from '~/utils/contracts/order'
import type { OrderStatus, PaymentStatus } from '~/utils/contracts/order-document'
import { notFound } from '~/utils/errors'
import { hiddenFromKitchen } from '~/utils/event-view'

export type OrderRow = typeof orders.$inferSelect

/** The whole order, as owner, manager and staff see it. */
export const toOrder = (row: OrderRow): Order => ({
  id: row.id,
  storeId: row.storeId,
  orderNumber: String(row.orderNumber),
  type: row.type,
  source: row.source,
  status: row.status,
  paymentStatus: row.paymentStatus,
  currency: row.currency,
  pricesIncludeTax: row.pricesIncludeTax,
  items: row.items,
  subtotal: row.subtotal,
  discount: row.discount,
  tax: row.tax,
  tip: row.tip,
  deliveryFee: row.deliveryFee,
  serviceCharge: row.serviceCharge,
  total: row.total,
  amountPaid: row.amountPaid,
  customerId: row.customerId,
  customerName: row.customerName,
  tableNumber: row.tableNumber,
  deliveryAddress: row.deliveryAddress,
  requestedFor: row.requestedFor?.toISOString() ?? null,
  note: row.note,
  trackingToken: row.trackingToken,
  statusHistory: row.statusHistory,
  version: row.version,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
})

/** The order as a role may see it. */
export const orderFor = (role: Role, order: Order): Order => (role === 'kitchen' ? { ...order, ...hiddenFromKitchen } : order)

/** Orders of the store that the member may read: a kiosk reads those it made. */
export const readableOrders = (member: Member): SQL | undefined =>
  and(eq(orders.storeId, member.storeId), member.role === 'kiosk' ? eq(orders.createdBy, member.userId) : undefined)

export async function listOrders(member: Member, query: OrderQuery) {
  const { status, type, customerId, from, to, q, ...paging } = query
  const reader = member.role === 'kiosk' ? member.userId : null
  const page = await readPage(orders, {
    ...paging,
    stream: storeStream(member.storeId),
    scope: `orders ${member.storeId} ${JSON.stringify([reader, status, type, customerId, from, to, q])}`,
    where: [
      readableOrders(member),
      status && inArray(orders.status, status),
      type && eq(orders.type, type),
      customerId ? eq(orders.customerId, customerId) : undefined,
      from ? gte(orders.createdAt, new Date(from)) : undefined,
      to ? lte(orders.createdAt, new Date(to)) : undefined,
      q ? containsText([sql`${orders.orderNumber}::text`, orders.customerName, orders.tableNumber, orders.note], q) : undefined,
    ],
  })
  return { ...page, data: page.rows.map((row) => orderFor(member.role, toOrder(row))) }
}

const orderRows = rowDecoder(orders)

type ReadableOrder = { id: string; storeId: string; createdBy: string | null }

/** The order that a member may read; `createdBy` is null but for a kiosk. */
const isReadable = sql`${orders.id} = ${slot('id')} and ${orders.storeId} = ${slot('storeId')}
        and (${slot('createdBy')}::uuid is null or ${orders.createdBy} = ${slot('createdBy')}::uuid)`

const readableOrder = (member: Member, id: string): ReadableOrder => ({
  id,
  storeId: member.storeId,
  createdBy: member.role === 'kiosk' ? member.userId : null,
})

const read = new Statement<ReadableOrder & { stream: string }, { row: OrderRow; position: string | null }>(
  () =>
    builder
      .select({ row: orders, position: sql`(select epoch || ':' || last_seq from streams where stream = ${slot('stream')})` })
      .from(orders)
      .where(isReadable),
  (columns) => ({ row: orderRows.decode(columns), position: columns[orderRows.width] as string | null }),
)

export async function getOrder(member: Member, id: string) {
  const stream = storeStream(member.storeId)
  const [found] = await read.run(db, { ...readableOrder(member, id), stream })
  if (!found) throw notFound()
  return { data: orderFor(member.role, toOrder(found.row)), position: `${stream}=${found.position}` }
}

/** 404 and 412 of one order, for requests whose body is wrong as well. */
export async function requireOrder(member: Member, id: string): Promise<void> {
  requireVersion(member, (await getOrder(member, id)).data.version)
}

export type LockedOrder = { row: OrderRow; now: Date }

const lockReadable = new Statement<ReadableOrder, LockedOrder>(
  () => builder.select({ row: orders, now: sql`clock_timestamp()::timestamptz(3)` }).from(orders).where(isReadable).for('no key update'),
  (columns) => ({ row: orderRows.decode(columns), now: new Date(String(columns[orderRows.width])) }),
)

/**
 * Locks an order against every other change of it: racing ones are judged one after the other. `now` is read under the
 * lock, unlike the transaction's time, so that times follow the versions. Throws 404.
 */
export async function lockOrder(tx: Transaction, member: Member, id: string): Promise<LockedOrder> {
  const [found] = await lockReadable.run(tx, readableOrder(member, id))
  if (!found) throw notFound()
  return found
}

/** Writes a change of a locked order, with its next version. */
export async function saveOrder(tx: Transaction, { row, now }: LockedOrder, values: Partial<OrderRow>): Promise<OrderRow> {
  const [saved] = await tx
    .update(orders)
    .set({ ...values, version: row.version + 1, updatedAt: now })
    .where(eq(orders.id, row.id))
    .returning()
  if (!saved) throw notFound()
  return saved
}

/** What was paid against what is due. An order that costs nothing is paid from the start. */
export function paymentStatusOf(amountPaid: number, total: number, hasRefund: boolean): PaymentStatus {
  if (amountPaid >= total) return 'paid'
  if (amountPaid > 0) return 'partial'
  return hasRefund ? 'refunded' : 'unpaid'
}

const eventTypes = { created: 'order_created', updated: 'order_updated', status_changed: 'order_status_changed' } as const

type Told = { previousStatus?: OrderStatus; pendingNumber?: PendingNumber }

/** Tells of an order as it is after the change. */
export function emitOrder(emit: Emit, action: keyof typeof eventTypes, row: OrderRow, { previousStatus, pendingNumber }: Told = {}): Order {
  const order = toOrder(row)
  const { orderNumber, status, items } = order
  emit({
    stream: storeStream(row.storeId),
    type: eventTypes[action],
    data: { action, orderId: row.id, orderNumber, status, ...(previousStatus && { previousStatus }), items, order },
    subjectId: row.id,
    order: { status, type: row.type, createdBy: row.createdBy },
    pendingNumber,
  })
  return order
}
