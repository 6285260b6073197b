import { and, desc, eq } from 'drizzle-orm'
import { customerOfStore, toCustomer } from '~/controllers/customer.controllers'
import { toOrder } from '~/controllers/order.controllers'
import { recordAudit } from '~/db/audit'
import { withEvents } from '~/db/events'
import { readPosition } from '~/db/page'
import { customers, orders } from '~/db/schema'
import { storeStream } from '~/db/streams'
import { inSnapshot } from '~/db/transaction'
import type { Member } from '~/utils/actor'
import type { CustomerExport } from '~/utils/contracts/customer'
import { notFound } from '~/utils/errors'

/** Everything the store keeps of a customer, for whoever asks what that is: one consistent read, orders newest first. */
export async function exportCustomer(member: Member, id: string) {
  const stream = storeStream(member.storeId)
  const read = await inSnapshot(async (tx) => {
    const [customer] = await tx.select().from(customers).where(customerOfStore(member.storeId, id))
    if (!customer) throw notFound()
    const made = await tx
      .select()
      .from(orders)
      .where(and(eq(orders.storeId, member.storeId), eq(orders.customerId, id)))
      .orderBy(desc(orders.createdAt), desc(orders.id))
    const data: CustomerExport = { customer: toCustomer(customer), orders: made.map(toOrder) }
    return { data, position: `${stream}=${await readPosition(tx, stream)}` }
  })
  // Before the answer: no export is given away without its line in the audit log.
  await withEvents(member, async (tx) => {
    await recordAudit(tx, member, 'customer_exported', id)
    return {}
  })
  return read
}
