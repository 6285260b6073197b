import { and, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm'
import { emitProduct, nextProductVersion } from '~/controllers/product.controllers'
import { db } from '~/db/client'
import { type Emit, withEvents } from '~/db/events'
import { positionOf, readPage } from '~/db/page'
import { categories, products } from '~/db/schema'
import type { Transaction } from '~/db/session'
import { storeStream } from '~/db/streams'
import { changesOf, requireVersion } from '~/db/versioned'
import type { Member } from '~/utils/actor'
import type { Category, CreateCategory, UpdateCategory } from '~/utils/contracts/category'
import type { PageQuery } from '~/utils/contracts/common'
import { notFound } from '~/utils/errors'
import { wsManager } from '~/utils/websocket'

type CategoryRow = typeof categories.$inferSelect

export const toCategory = (row: CategoryRow): Category => ({
  id: row.id,
  storeId: row.storeId,
  name: row.name,
  position: row.position,
  isActive: row.isActive,
  version: row.version,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
})

const ofStore = (storeId: string, id: string): SQL | undefined =>
  and(eq(categories.id, id), eq(categories.storeId, storeId), isNull(categories.archivedAt))

export async function listCategories(member: Member, query: PageQuery) {
  const stream = storeStream(member.storeId)
  const page = await readPage(categories, {
    ...query,
    stream,
    scope: `categories ${member.storeId}`,
    where: [eq(categories.storeId, member.storeId), isNull(categories.archivedAt)],
  })
  return { ...page, data: page.rows.map(toCategory) }
}

export async function getCategory(member: Member, id: string) {
  const stream = storeStream(member.storeId)
  const [found] = await db
    .select({ row: categories, position: positionOf(stream) })
    .from(categories)
    .where(ofStore(member.storeId, id))
  if (!found) throw notFound()
  return { data: toCategory(found.row), position: `${stream}=${found.position}` }
}

/** 404 and 412 of one category, for requests whose body is wrong as well. */
export async function requireCategory(member: Member, id: string): Promise<void> {
  requireVersion(member, (await getCategory(member, id)).data.version)
}

export async function createCategory(member: Member, input: CreateCategory) {
  const written = await withEvents(member, async (tx, emit) => {
    const [row] = await tx
      .insert(categories)
      .values({ id: Bun.randomUUIDv7(), storeId: member.storeId, ...input })
      .returning()
    return emitCategory(emit, 'created', row)
  })
  wsManager.sendCategoryUpdate(member.storeId, written.events)
  return written
}

export async function updateCategory(member: Member, id: string, patch: UpdateCategory) {
  const written = await withEvents(member, async (tx, emit) => {
    const row = await lockCategory(tx, member, id)
    const changes = changesOf(row, patch)
    if (!changes) return toCategory(row)
    const [updated] = await tx
      .update(categories)
      .set({ ...changes.values, ...nextVersion })
      .where(eq(categories.id, id))
      .returning()
    return emitCategory(emit, 'updated', updated, changes.updatedFields)
  })
  wsManager.sendCategoryUpdate(member.storeId, written.events)
  return written
}

/** Archives the category; its products stay, without one: each gets a version and an event. */
export async function deleteCategory(member: Member, id: string) {
  const written = await withEvents(member, async (tx, emit) => {
    await lockCategory(tx, member, id)
    const [archived] = await tx
      .update(categories)
      .set({ archivedAt: sql`now()`, ...nextVersion })
      .where(eq(categories.id, id))
      .returning()
    const category = emitCategory(emit, 'deleted', archived)
    for (const orphan of await orphanProducts(tx, id)) emitProduct(emit, 'updated', orphan, { categoryId: true })
    return category
  })
  wsManager.sendCategoryUpdate(member.storeId, written.events)
  return written
}

const nextVersion = { version: sql`${categories.version} + 1`, updatedAt: sql`now()` }

/** Locks in the order of ids, as orders do when they take stock. */
async function orphanProducts(tx: Transaction, categoryId: string) {
  const locked = await tx
    .select({ id: products.id })
    .from(products)
    .where(and(eq(products.categoryId, categoryId), isNull(products.archivedAt)))
    .orderBy(products.id)
    .for('no key update')
  const ids = locked.map((product) => product.id)
  return tx
    .update(products)
    .set({ categoryId: null, ...nextProductVersion })
    .where(inArray(products.id, ids))
    .returning()
}

async function lockCategory(tx: Transaction, member: Member, id: string): Promise<CategoryRow> {
  const [row] = await tx.select().from(categories).where(ofStore(member.storeId, id)).for('update')
  if (!row) throw notFound()
  requireVersion(member, row.version)
  return row
}

function emitCategory(
  emit: Emit,
  action: 'created' | 'updated' | 'deleted',
  row: CategoryRow | undefined,
  updatedFields?: Record<string, true>,
): Category {
  if (!row) throw notFound()
  const category = toCategory(row)
  emit({
    stream: storeStream(row.storeId),
    type: 'category_updated',
    data: { action, categoryId: row.id, category, ...(updatedFields && { updatedFields }) },
    subjectId: row.id,
  })
  return category
}
