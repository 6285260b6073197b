import { and, asc, eq, sql } from 'drizzle-orm'
import { emitCustomer, lockCustomer, nextCustomerVersion } from '~/controllers/customer.controllers'
import { recordAudit } from '~/db/audit'
import { withEvents } from '~/db/events'
import { redactAnswers, redactEvents } from '~/db/redact'
import { customers, orders } from '~/db/schema'
import type { Transaction } from '~/db/session'
import { storeStream } from '~/db/streams'
import type { Member } from '~/utils/actor'
import { wsManager } from '~/utils/websocket'

/** What is left of a customer. */
const anonymous = { firstName: 'Deleted customer', lastName: null, phone: null, email: null, note: null }

/**
 * Archives a customer and takes the person out of everything that was kept: the row, the name copied to orders, logged
 * events, and answers kept for idempotent writes. Orders keep their version: nothing that their readers act on changed.
 *
 * Orders are locked before the customer, as a change of an order's customer does; from then on no order of this customer
 * can be written before the end, and those written before are found.
 */
export async function deleteCustomer(member: Member, id: string) {
  const written = await withEvents(member, async (tx, emit) => {
    await lockOrdersOf(tx, member.storeId, id)
    await lockCustomer(tx, member, id)
    const [archived] = await tx
      .update(customers)
      .set({ ...anonymous, archivedAt: sql`now()`, ...nextCustomerVersion })
      .where(eq(customers.id, id))
      .returning()
    await tx.update(orders).set({ customerName: null }).where(eq(orders.customerId, id))
    await redactEvents(tx, storeStream(member.storeId), id, (data) => withoutPerson(data, id))
    await redactAnswers(tx, member.storeId, id, (answer) => withoutPerson(answer, id))
    await recordAudit(tx, member, 'customer_deleted', id)
    return emitCustomer(emit, 'deleted', archived)
  })
  wsManager.forgetEvents(storeStream(member.storeId))
  wsManager.sendCustomerUpdate(member.storeId, written.events)
  return written
}

async function lockOrdersOf(tx: Transaction, storeId: string, customerId: string): Promise<void> {
  await tx
    .select({ id: orders.id })
    .from(orders)
    .where(and(eq(orders.storeId, storeId), eq(orders.customerId, customerId)))
    .orderBy(asc(orders.id))
    .for('no key update')
}

/** A copy in which the customer, and its name beside a reference to it, are anonymous, however deep they lie. */
function withoutPerson(value: unknown, customerId: string): unknown {
  if (Array.isArray(value)) return value.map((entry) => withoutPerson(entry, customerId))
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withoutPerson(entry, customerId)]))
  if (copy.id === customerId && 'firstName' in copy) Object.assign(copy, anonymous)
  if (copy.customerId === customerId && 'customerName' in copy) copy.customerName = 'customer' in copy ? anonymous.firstName : null
  return copy
}
