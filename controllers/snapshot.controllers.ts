import { and, desc, eq, inArray, isNull } from 'drizzle-orm'
import { toCategory } from '~/controllers/category.controllers'
import { orderFor, readableOrders, toOrder } from '~/controllers/order.controllers'
import { toProduct } from '~/controllers/product.controllers'
import { toStore } from '~/controllers/store.controllers'
import { categories, orders, products, stores, streams } from '~/db/schema'
import { storeStream } from '~/db/streams'
import { inSnapshot } from '~/db/transaction'
import type { Member } from '~/utils/actor'
import { openStatuses } from '~/utils/contracts/order-document'
import type { Snapshot } from '~/utils/contracts/snapshot'
import { notFound } from '~/utils/errors'

/** Everything a screen needs to begin, with the position from which the log continues it: one consistent read. */
export async function getSnapshot(member: Member): Promise<{ data: Snapshot; position: string }> {
  const { storeId, role } = member
  const stream = storeStream(storeId)
  // Sent together on one connection: the statements share the snapshot and one round trip.
  const [[head], [store], categoryRows, productRows, orderRows] = await inSnapshot((tx) =>
    Promise.all([
      tx.select().from(streams).where(eq(streams.stream, stream)),
      tx.select().from(stores).where(eq(stores.id, storeId)),
      tx
        .select()
        .from(categories)
        .where(and(eq(categories.storeId, storeId), isNull(categories.archivedAt)))
        .orderBy(desc(categories.createdAt), desc(categories.id)),
      tx
        .select()
        .from(products)
        .where(and(eq(products.storeId, storeId), isNull(products.archivedAt)))
        .orderBy(desc(products.createdAt), desc(products.id)),
      tx
        .select()
        .from(orders)
        .where(and(readableOrders(member), inArray(orders.status, openStatuses)))
        .orderBy(desc(orders.createdAt), desc(orders.id)),
    ]),
  )
  if (!head || !store) throw notFound()
  const data = {
    store: toStore(store),
    categories: categoryRows.map(toCategory),
    products: productRows.map(toProduct),
    openOrders: orderRows.map((row) => orderFor(role, toOrder(row))),
    position: { stream, epoch: head.epoch, seq: head.lastSeq },
  }
  return { data, position: `${stream}=${head.epoch}:${head.lastSeq}` }
}
