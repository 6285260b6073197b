import { eq } from 'drizzle-orm'
import { toOrder } from '~/controllers/order.controllers'
import { db } from '~/db/client'
import { orders } from '~/db/schema'
import { type TrackedOrder, toTracked } from '~/utils/contracts/tracking'
import { notFound } from '~/utils/errors'

/** The order of a tracking token, cut to what its holder may know. Throws 404. */
export async function getTrackedOrder(token: string): Promise<{ data: TrackedOrder }> {
  if (!/^[\w-]{20,64}$/.test(token)) throw notFound()
  const [row] = await db.select().from(orders).where(eq(orders.trackingToken, token))
  if (!row) throw notFound()
  return { data: toTracked(toOrder(row)) }
}
