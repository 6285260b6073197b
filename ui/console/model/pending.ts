import type { z } from 'zod'
import type { PendingWrite } from '~/ui/client/outbox'
import { chosenOptions, estimate, noCharges, unitPriceOf } from '~/ui/console/model/cart'
import { formatMoney, plural } from '~/ui/console/model/format'
import type { StoreData } from '~/ui/console/model/store-state'
import { statusNames } from '~/ui/console/model/transitions'
import type { ChangeStatus, createOrderSchema, Order } from '~/utils/contracts/order'
import type { CreatePayment } from '~/utils/contracts/payment'

/** Writes that wait, as they will look when they are done. */

type NewOrder = z.input<typeof createOrderSchema>

/** A pending write of a kind that the console knows; the outbox stored the body of the route it names. */
type Known =
  | { kind: 'order'; id: string; order: NewOrder }
  | { kind: 'status'; id: string; change: ChangeStatus }
  | { kind: 'payment'; id: string; payment: CreatePayment }

function read({ route, params, body }: PendingWrite): Known | null {
  if (route === 'POST /stores/{storeId}/orders') {
    const order = body as NewOrder
    return order.id === undefined ? null : { kind: 'order', id: order.id, order }
  }
  if (route === 'POST /stores/{storeId}/orders/{id}/status') return { kind: 'status', id: params.id ?? '', change: body as ChangeStatus }
  if (route === 'POST /stores/{storeId}/orders/{id}/payments') return { kind: 'payment', id: params.id ?? '', payment: body as CreatePayment }
  return null
}

/** A write in words, for whoever must decide what becomes of it. */
export function describeWrite(write: PendingWrite, { orders, store }: Pick<StoreData, 'orders' | 'store'>): string {
  const known = read(write)
  if (!known) return 'A change of this store'
  const number = orders.get(known.id)?.orderNumber ?? 'that was not sent yet'
  if (known.kind === 'order')
    return `New order, ${plural(known.order.items.length, 'line')}${known.order.customer ? ` for ${known.order.customer.firstName}` : ''}`
  if (known.kind === 'status') return `Order ${number} to ${statusNames[known.change.status].toLowerCase()}`
  return `${known.payment.kind === 'refund' ? 'Refund' : 'Payment'} of ${formatMoney(known.payment.amount, store.currency)} for order ${number}`
}

export function withPending(data: StoreData, pending: readonly PendingWrite[]): { orders: ReadonlyMap<string, Order>; waiting: ReadonlySet<string> } {
  const orders = new Map(data.orders)
  const waiting = new Set<string>()
  for (const write of pending) {
    const known = write.params.storeId === data.store.id ? read(write) : null
    if (!known) continue
    const order = orders.get(known.id)
    if (known.kind === 'order' && !order) orders.set(known.id, provisional(known.id, known.order, data, write.addedAt))
    if (known.kind === 'status' && order) orders.set(known.id, { ...order, status: known.change.status })
    waiting.add(known.id)
  }
  return waiting.size === 0 ? { orders: data.orders, waiting } : { orders, waiting }
}

/** An order that nobody else knows of yet: without a number, and at the prices that this page knows. */
function provisional(id: string, order: NewOrder, { store, products }: StoreData, addedAt: number): Order {
  const lines = order.items.flatMap(({ productId, quantity, modifiers = [], note }, index) => {
    const product = products.get(productId)
    return product ? [{ key: `${index}`, product, quantity, choices: modifiers, note: note ?? '' }] : []
  })
  const { discount = 0, tip = 0, deliveryFee = 0, serviceCharge = 0 } = order
  const totals = estimate(lines, { ...noCharges, discount, tip, deliveryFee, serviceCharge }, store)
  const at = new Date(addedAt).toISOString()
  return {
    id,
    storeId: store.id,
    orderNumber: '',
    type: order.type,
    source: order.source ?? null,
    status: 'pending',
    paymentStatus: 'unpaid',
    currency: store.currency,
    pricesIncludeTax: store.pricesIncludeTax,
    items: lines.map(({ key, product, quantity, choices, note }) => ({
      id: key,
      productId: product.id,
      name: product.name,
      sku: product.sku,
      unitPrice: unitPriceOf(product, choices),
      taxRateBps: product.taxRateBps ?? store.taxRateBps,
      quantity,
      modifiers: chosenOptions(product, choices).map((option) => ({
        groupId: '',
        optionId: option.id,
        name: option.name,
        priceDelta: option.priceDelta,
      })),
      note: note || null,
      lineTotal: unitPriceOf(product, choices) * quantity,
    })),
    ...totals,
    amountPaid: 0,
    customerId: order.customerId ?? null,
    customerName: order.customer?.firstName ?? null,
    tableNumber: order.tableNumber ?? null,
    deliveryAddress: order.deliveryAddress ?? null,
    requestedFor: null,
    note: order.note ?? null,
    trackingToken: null,
    statusHistory: [],
    version: 0,
    createdAt: at,
    updatedAt: at,
  }
}

/** Has no number yet, so there is nothing that could be done with it but wait. */
export const isProvisional = (order: Order): boolean => order.version === 0
