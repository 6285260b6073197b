import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import { recordAudit } from '~/db/audit'
import { db } from '~/db/client'
import { type Emit, withEvents } from '~/db/events'
import { positionOf, readPage } from '~/db/page'
import { categories, products } from '~/db/schema'
import { containsText } from '~/db/search'
import type { Transaction } from '~/db/session'
import { storeStream } from '~/db/streams'
import { changesOf, requireVersion } from '~/db/versioned'
import type { Member } from '~/utils/actor'
import type { CreateProduct, Product, ProductQuery, UpdateProduct } from '~/utils/contracts/product'
import { invalidField, notFound } from '~/utils/errors'
import { wsManager } from '~/utils/websocket'

type ProductRow = typeof products.$inferSelect

export const toProduct = (row: ProductRow): Product => ({
  id: row.id,
  storeId: row.storeId,
  categoryId: row.categoryId,
  name: row.name,
  sku: row.sku,
  description: row.description,
  price: row.price,
  taxRateBps: row.taxRateBps,
  imageUrl: row.imageUrl,
  isAvailable: row.isAvailable,
  stock: row.stock,
  modifierGroups: row.modifierGroups,
  version: row.version,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
})

const ofStore = (storeId: string, id: string): SQL | undefined => and(eq(products.id, id), eq(products.storeId, storeId), isNull(products.archivedAt))

export async function listProducts(member: Member, query: ProductQuery) {
  const { categoryId, q, available, ...paging } = query
  const page = await readPage(products, {
    ...paging,
    stream: storeStream(member.storeId),
    scope: `products ${member.storeId} ${JSON.stringify([categoryId, q, available])}`,
    where: [
      eq(products.storeId, member.storeId),
      isNull(products.archivedAt),
      categoryId ? eq(products.categoryId, categoryId) : undefined,
      available ? eq(products.isAvailable, available === 'true') : undefined,
      q ? containsText([products.name, products.sku], q) : undefined,
    ],
  })
  return { ...page, data: page.rows.map(toProduct) }
}

export async function getProduct(member: Member, id: string) {
  const stream = storeStream(member.storeId)
  const [found] = await db
    .select({ row: products, position: positionOf(stream) })
    .from(products)
    .where(ofStore(member.storeId, id))
  if (!found) throw notFound()
  return { data: toProduct(found.row), position: `${stream}=${found.position}` }
}

/** 404 and 412 of one product, for requests whose body is wrong as well. */
export async function requireProduct(member: Member, id: string): Promise<void> {
  requireVersion(member, (await getProduct(member, id)).data.version)
}

export async function createProduct(member: Member, input: CreateProduct) {
  const written = await withEvents(member, async (tx, emit) => {
    if (!(await holdCategory(tx, member.storeId, input.categoryId))) throw unknownCategory()
    const [row] = await tx
      .insert(products)
      .values({ id: Bun.randomUUIDv7(), storeId: member.storeId, ...input })
      .returning()
    return emitProduct(emit, 'created', row)
  })
  wsManager.sendProductUpdate(member.storeId, written.events)
  return written
}

export async function updateProduct(member: Member, id: string, patch: UpdateProduct) {
  const written = await withEvents(member, async (tx, emit) => {
    // The category is locked before the product, as deleting a category does; whether it is there is judged after 404 and 412.
    const hasCategory = await holdCategory(tx, member.storeId, patch.categoryId)
    const row = await lockProduct(tx, member, id)
    if (!hasCategory) throw unknownCategory()
    const changes = changesOf(row, patch)
    if (!changes) return toProduct(row)
    const [updated] = await tx
      .update(products)
      .set({ ...changes.values, ...nextProductVersion })
      .where(eq(products.id, id))
      .returning()
    if (updated && !Bun.deepEquals(pricesOf(row), pricesOf(updated))) await recordAudit(tx, member, 'product_price_changed', id)
    return emitProduct(emit, 'updated', updated, changes.updatedFields)
  })
  wsManager.sendProductUpdate(member.storeId, written.events)
  return written
}

export async function deleteProduct(member: Member, id: string) {
  const written = await withEvents(member, async (tx, emit) => {
    await lockProduct(tx, member, id)
    const [archived] = await tx
      .update(products)
      .set({ archivedAt: sql`now()`, ...nextProductVersion })
      .where(eq(products.id, id))
      .returning()
    return emitProduct(emit, 'deleted', archived)
  })
  wsManager.sendProductUpdate(member.storeId, written.events)
  return written
}

/** What a customer pays for it, with each of its options. */
const pricesOf = ({ price, modifierGroups }: ProductRow) => ({
  price,
  options: modifierGroups.flatMap((group) => group.options.map((option) => [option.id, option.priceDelta])),
})

export const nextProductVersion = { version: sql`${products.version} + 1`, updatedAt: sql`now()` }

const unknownCategory = () => invalidField('categoryId', 'is not a category of this store')

/** Whether a product may refer to this category, which then cannot be archived before the transaction ends. */
async function holdCategory(tx: Transaction, storeId: string, id: string | null | undefined): Promise<boolean> {
  if (!id) return true
  const held = await tx
    .select({ id: categories.id })
    .from(categories)
    .where(and(eq(categories.id, id), eq(categories.storeId, storeId), isNull(categories.archivedAt)))
    .for('share')
  return held.length > 0
}

async function lockProduct(tx: Transaction, member: Member, id: string): Promise<ProductRow> {
  const [row] = await tx.select().from(products).where(ofStore(member.storeId, id)).for('no key update')
  if (!row) throw notFound()
  requireVersion(member, row.version)
  return row
}

/** Tells of a product as it is after the change. Whoever changes one, stock included, gives it `nextProductVersion`. */
export function emitProduct(
  emit: Emit,
  action: 'created' | 'updated' | 'deleted',
  row: ProductRow | undefined,
  updatedFields?: Record<string, true>,
): Product {
  if (!row) throw notFound()
  const product = toProduct(row)
  emit({
    stream: storeStream(row.storeId),
    type: 'product_updated',
    data: { action, productId: row.id, product, ...(updatedFields && { updatedFields }) },
    subjectId: row.id,
  })
  return product
}
