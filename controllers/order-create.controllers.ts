import { randomBytes, randomInt } from 'node:crypto'
import { and, eq, isNull, sql } from 'drizzle-orm'
import { insertCustomer } from '~/controllers/customer.controllers'
import { emitOrder, type OrderRow, orderFor, paymentStatusOf } from '~/controllers/order.controllers'
import { makeItems, newLines, newProductIds, piecesOf, requireAvailable } from '~/controllers/order-lines'
import { priceOrder } from '~/controllers/order-pricing'
import { emitStock, lockCounted, moveStock, readShop, refreshed, takenAfter } from '~/controllers/order-stock.controllers'
import { displayName } from '~/controllers/session.controllers'
import type { PendingNumber } from '~/db/append'
import { type Emit, withEvents } from '~/db/events'
import { customers, orders } from '~/db/schema'
import type { Transaction } from '~/db/session'
import { builder, Statement, slot, slotsFor } from '~/db/statement'
import type { Member } from '~/utils/actor'
import type { CreateOrder } from '~/utils/contracts/order'
import { conflict, type ErrorDetail, validationFailed } from '~/utils/errors'
import { sqlState } from '~/utils/sql-state'
import { wsManager } from '~/utils/websocket'

/**
 * Takes an order: numbers it, prices it, takes its stock. Events of one write come as customer_created, order_created,
 * product_updated.
 */
export async function createOrder(member: Member, input: CreateOrder) {
  const written = await withEvents(member, (tx, emit) => takeOrder(tx, emit, member, input)).catch((error: unknown) => {
    throw sqlState(error).constraint === 'orders_pkey' ? idTaken() : error
  })
  wsManager.sendOrderUpdate(member.storeId, written.events)
  return { ...written, data: orderFor(member.role, written.data) }
}

async function takeOrder(tx: Transaction, emit: Emit, member: Member, input: CreateOrder) {
  const lines = newLines(input.items)
  const shop = await readShop(tx, member.storeId, newProductIds(lines))
  const customer = input.customerId ? await holdCustomer(tx, member.storeId, input.customerId) : null
  const countedIds = [...shop.menu.values()].filter((product) => product.stock !== null).map((product) => product.id)
  if (countedIds.length > 0) lockCounter.send(tx, { storeId: member.storeId })
  const locked = await lockCounted(tx, member.storeId, countedIds)
  const menu = refreshed(shop.menu, locked)

  const details: ErrorDetail[] = []
  const items = makeItems(lines, menu, shop.store.taxRateBps, details)
  if (input.customerId && !customer) details.push(unknownCustomer)
  if (details.length > 0) throw validationFailed(details)
  const { currency, pricesIncludeTax } = shop.store
  const totals = priceOrder(items, chargesOf(input), pricesIncludeTax)

  // After the wait for what is counted: a repeated request must hear that its order was taken, not that its own pieces are gone.
  if (input.id && (await isTaken(tx, input.id))) throw idTaken()
  if (!shop.store.isOpen) throw conflict('store_closed', 'The store is closed')
  requireAvailable(lines, menu)
  const pieces = piecesOf(items)
  const moved = await moveStock(tx, locked, pieces)
  const created = input.customer ? await insertCustomer(tx, emit, member.storeId, newCustomer(input.customer)) : null
  const buyer = customer ?? created

  const row: NewOrder = {
    ...totals,
    id: input.id ?? Bun.randomUUIDv7(),
    storeId: member.storeId,
    type: input.type,
    source: member.role === 'kiosk' ? 'kiosk' : (input.source ?? null),
    paymentStatus: paymentStatusOf(0, totals.total, false),
    currency,
    pricesIncludeTax,
    items,
    customerId: buyer?.id ?? null,
    customerName: buyer && displayName(buyer),
    tableNumber: input.tableNumber ?? null,
    deliveryAddress: input.deliveryAddress ?? null,
    requestedFor: input.requestedFor ?? null,
    note: input.note ?? null,
    trackingToken: randomBytes(24).toString('base64url'),
    statusHistory: [{ status: 'pending', at: shop.now.toISOString(), userId: member.userId, reason: null }],
    stockTaken: takenAfter({}, pieces, moved),
    createdBy: member.userId,
  }
  const order = placeOrder(tx, emit, row, shop.now)
  emitStock(emit, moved)
  return order
}

/** Sends the order ahead to be inserted and tells of it, both without its number. */
function placeOrder(tx: Transaction, emit: Emit, row: NewOrder, now: Date) {
  insertOrder.send(tx, row)
  const pendingNumber: PendingNumber = {
    orderId: row.id,
    placeholder: placeholder(),
    settle: (orderNumber) => {
      order.orderNumber = String(orderNumber)
    },
  }
  const orderNumber = pendingNumber.placeholder
  const inserted: OrderRow = { ...row, orderNumber, status: 'pending', amountPaid: 0, version: 1, createdAt: now, updatedAt: now }
  const order = emitOrder(emit, 'created', inserted, { pendingNumber })
  return order
}

/** Like no number of an order, and like no text that a client could know. */
const placeholder = (): number => -randomInt(2 ** 46, 2 ** 47)

const chargesOf = ({ discount, tip, deliveryFee, serviceCharge }: CreateOrder) => ({ discount, tip, deliveryFee, serviceCharge })

const newCustomer = ({ firstName, lastName = null, phone = null }: NonNullable<CreateOrder['customer']>) => ({
  firstName,
  lastName,
  phone,
  email: null,
  note: null,
})

export const unknownCustomer: ErrorDetail = { path: 'customerId', message: 'is not a customer of this store' }

/** A customer to whom an order may refer, and who cannot be anonymised before the transaction ends; else null. */
export async function holdCustomer(tx: Transaction, storeId: string, id: string) {
  const [customer] = await tx
    .select({ id: customers.id, firstName: customers.firstName, lastName: customers.lastName })
    .from(customers)
    .where(and(eq(customers.id, id), eq(customers.storeId, storeId), isNull(customers.archivedAt)))
    .for('key share')
  return customer ?? null
}

/** Whether any order, of whichever store, has this id. */
async function isTaken(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.select({ id: orders.id }).from(orders).where(eq(orders.id, id))).length > 0
}

const idTaken = () => conflict('id_taken', 'This id is taken', [{ path: 'id', message: 'is taken' }])

/** What a new order gets as it is inserted: its number from the store's counter, the others from the table itself. */
const givenByDatabase = ['orderNumber', 'status', 'amountPaid', 'version', 'createdAt', 'updatedAt'] as const
type NewOrder = Omit<OrderRow, (typeof givenByDatabase)[number]>

/**
 * Sent ahead of the lock of counted products. Locks are taken in one order, by all versions that run side by side: the counter,
 * products by their ids, streams. And whoever changes such a product's stock waits for the order that is next, not for all that
 * wait for a number.
 */
const lockCounter = new Statement<{ storeId: string }, undefined>(
  () => sql`select 1 from order_counters where store_id = ${slot('storeId')} for no key update`,
  () => undefined,
)

/**
 * Takes the store's next number, to use it or to roll it back: all orders of the store wait for its counter's lock, so
 * nobody has to read it before COMMIT is on its way.
 */
const insertOrder = new Statement<NewOrder, undefined>(
  () => sql`
    with numbered as (
      insert into order_counters (store_id, last_number) values (${slot('storeId')}, 1001)
      on conflict (store_id) do update set last_number = order_counters.last_number + 1 returning last_number
    ) ${builder
      .insert(orders)
      .values({
        ...slotsFor(orders, [...givenByDatabase]),
        orderNumber: sql`(select last_number from numbered)`,
      })
      .getSQL()}`,
  () => undefined,
)
