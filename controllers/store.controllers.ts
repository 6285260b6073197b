import { eq, inArray, sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { withEvents } from '~/db/events'
import { positionOf, readPage } from '~/db/page'
import { members, orderCounters, stores } from '~/db/schema'
import type { Transaction } from '~/db/session'
import { createStream, storeStream, userStream } from '~/db/streams'
import { changesOf, requireVersion } from '~/db/versioned'
import type { Actor, Member } from '~/utils/actor'
import type { PageQuery } from '~/utils/contracts/common'
import type { CreateStore, Store, UpdateStore } from '~/utils/contracts/store'
import { conflict, notFound } from '~/utils/errors'
import { sqlState } from '~/utils/sql-state'
import { wsManager } from '~/utils/websocket'

type StoreRow = typeof stores.$inferSelect

export const toStore = (row: StoreRow): Store => ({
  id: row.id,
  name: row.name,
  slug: row.slug,
  timezone: row.timezone,
  currency: row.currency,
  taxRateBps: row.taxRateBps,
  pricesIncludeTax: row.pricesIncludeTax,
  phone: row.phone,
  address: row.address,
  isOpen: row.isOpen,
  prepMinutes: row.prepMinutes,
  version: row.version,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
})

/** The stores the caller belongs to, with the position of the caller's own stream, which tells of joining and leaving. */
export async function listStores(actor: Actor, query: PageQuery) {
  const mine = db.select({ id: members.storeId }).from(members).where(eq(members.userId, actor.userId))
  const page = await readPage(stores, {
    ...query,
    stream: userStream(actor.userId),
    scope: `stores ${actor.userId}`,
    where: [inArray(stores.id, mine)],
  })
  return { ...page, data: page.rows.map(toStore) }
}

export async function getStore(member: Member) {
  const stream = storeStream(member.storeId)
  const [found] = await db
    .select({ row: stores, position: positionOf(stream) })
    .from(stores)
    .where(eq(stores.id, member.storeId))
  if (!found) throw notFound()
  return { data: toStore(found.row), position: `${stream}=${found.position}` }
}

/** The 412 of a store, for requests whose body is wrong as well. */
export async function requireStore(member: Member): Promise<void> {
  requireVersion(member, (await getStore(member)).data.version)
}

/** Nobody can listen to a store that is not there yet, so making one logs nothing. */
export async function createStore(actor: Actor, input: CreateStore) {
  return withEvents(actor, async (tx) => {
    const id = Bun.randomUUIDv7()
    const [row] = await tx
      .insert(stores)
      .values({ id, ...input })
      .returning()
      .catch(slugTaken)
    if (!row) throw notFound()
    await tx.insert(orderCounters).values({ storeId: id })
    await tx.insert(members).values({ storeId: id, userId: actor.userId, role: 'owner' })
    await createStream(tx, storeStream(id))
    return toStore(row)
  })
}

export async function updateStore(member: Member, patch: UpdateStore) {
  const written = await withEvents(member, async (tx, emit) => {
    const row = await lockStore(tx, member.storeId)
    requireVersion(member, row.version)
    const changes = changesOf(row, patch)
    if (!changes) return toStore(row)
    const [updated] = await tx
      .update(stores)
      .set({ ...changes.values, version: sql`${stores.version} + 1`, updatedAt: sql`now()` })
      .where(eq(stores.id, row.id))
      .returning()
      .catch(slugTaken)
    if (!updated) throw notFound()
    const store = toStore(updated)
    emit({
      stream: storeStream(row.id),
      type: 'store_updated',
      data: { action: 'updated', storeId: row.id, store, updatedFields: changes.updatedFields },
      subjectId: row.id,
    })
    return store
  })
  wsManager.sendStoreUpdate(member.storeId, written.events)
  return written
}

/** Holds off other changes of the store and of its members, but not new orders: they only refer to its key. */
export async function lockStore(tx: Transaction, storeId: string): Promise<StoreRow> {
  const [row] = await tx.select().from(stores).where(eq(stores.id, storeId)).for('no key update')
  if (!row) throw notFound()
  return row
}

function slugTaken(error: unknown): never {
  if (sqlState(error).constraint === 'stores_slug_unique') throw conflict('slug_taken', 'Another store has this slug')
  throw error
}
