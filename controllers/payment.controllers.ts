import { eq } from 'drizzle-orm'
import { emitOrder, getOrder, lockOrder, paymentStatusOf, saveOrder } from '~/controllers/order.controllers'
import { recordAudit } from '~/db/audit'
import { withEvents } from '~/db/events'
import { readPage } from '~/db/page'
import { payments } from '~/db/schema'
import { storeStream } from '~/db/streams'
import type { Member } from '~/utils/actor'
import type { PageQuery } from '~/utils/contracts/common'
import type { CreatePayment, Payment } from '~/utils/contracts/payment'
import { conflict, notFound } from '~/utils/errors'
import { wsManager } from '~/utils/websocket'

const toPayment = (row: typeof payments.$inferSelect): Payment => ({
  id: row.id,
  kind: row.kind,
  method: row.method,
  amount: row.amount,
  reference: row.reference,
  userId: row.userId,
  createdAt: row.createdAt.toISOString(),
})

export async function listPayments(member: Member, orderId: string, query: PageQuery) {
  await getOrder(member, orderId)
  const page = await readPage(payments, {
    ...query,
    stream: storeStream(member.storeId),
    scope: `payments ${orderId}`,
    where: [eq(payments.orderId, orderId)],
  })
  return { ...page, data: page.rows.map(toPayment) }
}

/** Books a payment or a refund; what was paid never falls below zero nor rises over the total. Never touches the status. */
export async function createPayment(member: Member, orderId: string, { kind, method, amount, reference = null }: CreatePayment) {
  const written = await withEvents(member, async (tx, emit) => {
    const locked = await lockOrder(tx, member, orderId)
    const { total, amountPaid } = locked.row
    if (kind === 'refund' && amount > amountPaid) throw conflict('refund_exceeds_paid', 'This is more than was paid', exceeds(amountPaid))
    const due = Math.max(0, total - amountPaid)
    if (kind === 'payment' && amount > due) throw conflict('overpaid', 'This is more than is due', exceeds(due))
    const [payment] = await tx
      .insert(payments)
      .values({ id: Bun.randomUUIDv7(), storeId: member.storeId, orderId, kind, method, amount, reference, userId: member.userId })
      .returning()
    if (!payment) throw notFound()
    if (kind === 'refund') await recordAudit(tx, member, 'order_refunded', orderId)
    const nowPaid = kind === 'refund' ? amountPaid - amount : amountPaid + amount
    const paymentStatus = paymentStatusOf(nowPaid, total, kind === 'refund')
    emitOrder(emit, 'updated', await saveOrder(tx, locked, { amountPaid: nowPaid, paymentStatus }))
    return toPayment(payment)
  })
  wsManager.sendOrderUpdate(member.storeId, written.events)
  return written
}

const exceeds = (largest: number) => [{ path: 'amount', message: `must not be greater than ${largest}` }]
