import { and, eq } from 'drizzle-orm'
import { emitOrder, lockOrder, type OrderRow, orderFor, paymentStatusOf, saveOrder, toOrder } from '~/controllers/order.controllers'
import { holdCustomer, unknownCustomer } from '~/controllers/order-create.controllers'
import { type Line, makeItems, matchLines, movedPieces, newProductIds, piecesOf, quantitiesOf, requireAvailable } from '~/controllers/order-lines'
import { priceOrder } from '~/controllers/order-pricing'
import { emitStock, lockCounted, moveStock, readShop, refreshed, takenAfter, withinTaken } from '~/controllers/order-stock.controllers'
import { displayName } from '~/controllers/session.controllers'
import { type Emit, withEvents } from '~/db/events'
import { payments } from '~/db/schema'
import type { Transaction } from '~/db/session'
import { changesOf, requireVersion } from '~/db/versioned'
import type { Member } from '~/utils/actor'
import type { UpdateOrder } from '~/utils/contracts/order'
import type { OrderItem, OrderStatus } from '~/utils/contracts/order-document'
import { conflict, type ErrorDetail, validationFailed } from '~/utils/errors'
import { wsManager } from '~/utils/websocket'

export async function updateOrder(member: Member, id: string, patch: UpdateOrder) {
  const written = await withEvents(member, (tx, emit) => changeOrder(tx, emit, member, id, patch))
  wsManager.sendOrderUpdate(member.storeId, written.events)
  return { ...written, data: orderFor(member.role, written.data) }
}

async function changeOrder(tx: Transaction, emit: Emit, member: Member, id: string, patch: UpdateOrder) {
  const locked = await lockOrder(tx, member, id)
  const { row } = locked
  requireVersion(member, row.version)

  const details: ErrorDetail[] = []
  const customer = await newCustomerOf(tx, row, patch, details)
  const replacement = patch.items && (await replaceItems(tx, row, patch.items, details))
  if (details.length > 0) throw validationFailed(details)
  const { tableNumber, deliveryAddress, requestedFor, note } = patch
  const values = { tableNumber, deliveryAddress, requestedFor, note, ...customer, ...(await reprice(tx, row, patch, replacement?.items)) }
  const changes = changesOf(row, values)
  if (!changes) return toOrder(row)

  let moved: Awaited<ReturnType<typeof moveStock>> = []
  let { stockTaken } = row
  if (replacement && changes.updatedFields.items) {
    requireEditable(row.status)
    requireAvailable(replacement.lines, replacement.menu)
    moved = await moveStock(tx, replacement.locked, replacement.pieces)
    stockTaken = takenAfter(stockTaken, replacement.pieces, moved)
  }
  const order = emitOrder(emit, 'updated', await saveOrder(tx, locked, { ...changes.values, stockTaken }))
  emitStock(emit, moved)
  return order
}

/** The reference and the name that go with it; nothing when the customer stays the same, who may be archived by now. */
async function newCustomerOf(tx: Transaction, row: OrderRow, { customerId }: UpdateOrder, details: ErrorDetail[]) {
  if (customerId === undefined || customerId === row.customerId) return {}
  if (customerId === null) return { customerId, customerName: null }
  const customer = await holdCustomer(tx, row.storeId, customerId)
  if (!customer) details.push(unknownCustomer)
  return customer ? { customerId, customerName: displayName(customer) } : {}
}

type Replacement = { items: OrderItem[]; lines: Line[]; pieces: Map<string, number> } & Pick<
  Awaited<ReturnType<typeof readProducts>>,
  'menu' | 'locked'
>

/** The new list of items with what it moves in the stock; kept lines stay as they are, new ones take today's values. */
async function replaceItems(
  tx: Transaction,
  row: OrderRow,
  patched: NonNullable<UpdateOrder['items']>,
  details: ErrorDetail[],
): Promise<Replacement> {
  const lines = matchLines(patched, row.items, details)
  const pieces = withinTaken(movedPieces(piecesOf(quantitiesOf(lines)), piecesOf(row.items)), row.stockTaken)
  const { menu, locked, taxRateBps } = await readProducts(tx, row.storeId, newProductIds(lines), [...pieces.keys()])
  return { items: makeItems(lines, menu, taxRateBps, details), lines, pieces, menu, locked }
}

async function readProducts(tx: Transaction, storeId: string, newIds: string[], movedIds: string[]) {
  const shop = newIds.length > 0 ? await readShop(tx, storeId, newIds) : null
  const locked = await lockCounted(tx, storeId, movedIds)
  return { menu: refreshed(shop?.menu ?? new Map(), locked), locked, taxRateBps: shop?.store.taxRateBps ?? 0 }
}

/** Totals are computed again when something they depend on is in the PATCH, by the order's own kind of prices. */
async function reprice(tx: Transaction, row: OrderRow, patch: UpdateOrder, items: OrderItem[] | undefined) {
  const { discount = row.discount, tip = row.tip, deliveryFee = row.deliveryFee, serviceCharge = row.serviceCharge } = patch
  const charges = { discount, tip, deliveryFee, serviceCharge }
  const isSame = !items && discount === row.discount && tip === row.tip && deliveryFee === row.deliveryFee && serviceCharge === row.serviceCharge
  if (isSame) return {}
  const totals = priceOrder(items ?? row.items, charges, row.pricesIncludeTax)
  // Less than was paid may be due afterwards; the order then counts as paid, and a manager refunds.
  const isOpen = row.amountPaid === 0 && totals.total > 0
  const paymentStatus = paymentStatusOf(row.amountPaid, totals.total, isOpen && (await hasRefund(tx, row.id)))
  return { ...totals, paymentStatus, ...(items && { items }) }
}

async function hasRefund(tx: Transaction, orderId: string): Promise<boolean> {
  const refunds = await tx
    .select({ id: payments.id })
    .from(payments)
    .where(and(eq(payments.orderId, orderId), eq(payments.kind, 'refund')))
    .limit(1)
  return refunds.length > 0
}

const editableStatuses: readonly OrderStatus[] = ['pending', 'confirmed']

/** Items change only before the kitchen begins. */
function requireEditable(status: OrderStatus): void {
  if (editableStatuses.includes(status)) return
  const message = `change only while the order is ${editableStatuses.join(' or ')}; it is ${status}`
  throw conflict('invalid_transition', 'The items of this order can no longer change', [{ path: 'items', message }])
}
