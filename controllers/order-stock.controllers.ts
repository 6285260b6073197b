import { and, asc, eq, inArray, isNotNull, sql } from 'drizzle-orm'
import type { Menu, ProductRow, SoldProduct } from '~/controllers/order-lines'
import { emitProduct, nextProductVersion } from '~/controllers/product.controllers'
import type { Emit } from '~/db/events'
import { products, stores } from '~/db/schema'
import type { Transaction } from '~/db/session'
import { builder, columnDecoder, Statement, slot } from '~/db/statement'
import { conflict, notFound } from '~/utils/errors'

/** What a store sells and how much of it is left, within the transaction of an order. */

export type Shop = {
  store: Pick<typeof stores.$inferSelect, 'isOpen' | 'currency' | 'taxRateBps' | 'pricesIncludeTax'>
  menu: Menu
  /** The transaction's time, as the database's columns will have it. */
  now: Date
}

const { id, name, sku, price, taxRateBps, isAvailable, stock, modifierGroups } = products
const soldColumns = { id, name, sku, price, taxRateBps, isAvailable, stock, modifierGroups }
const soldProducts = columnDecoder<SoldProduct>(soldColumns)
const storeColumns = { isOpen: stores.isOpen, currency: stores.currency, taxRateBps: stores.taxRateBps, pricesIncludeTax: stores.pricesIncludeTax }

type ShopRow = Pick<Shop, 'store' | 'now'> & { product: SoldProduct | null }
type Sought = { storeId: string; productIds: string }

/** A subquery, so that the ids are taken apart once and not for each product that is looked at. */
const soughtIds = sql`(select string_to_array(${slot('productIds')}, ',')::uuid[])::uuid[]`

const toShopRow = ([isOpen, currency, taxRateBps, pricesIncludeTax, now, ...product]: unknown[]): ShopRow => ({
  store: { isOpen, currency, taxRateBps, pricesIncludeTax } as Shop['store'],
  now: new Date(String(now)),
  product: product[0] === null ? null : soldProducts.decode(product),
})

/** `is true` hides the store from the planner, which would read all that it sells: the products are found by their ids. */
const selectShop = new Statement<Sought, ShopRow>(
  () =>
    builder
      .select({ ...storeColumns, now: sql`now()::timestamptz(3)`, product: soldColumns })
      .from(stores)
      .leftJoin(products, sql`(${products.storeId} = ${stores.id}) is true and ${products.id} = any(${soughtIds}) and ${products.archivedAt} is null`)
      .where(eq(stores.id, slot('storeId'))),
  toShopRow,
)

/** Reads the store and those of the products that it has and that are not archived, in one statement. */
export async function readShop(tx: Transaction, storeId: string, productIds: string[]): Promise<Shop> {
  return shopOf(await selectShop.run(tx, { storeId, productIds: productIds.join(',') }))
}

function shopOf(rows: ShopRow[]): Shop {
  const [first] = rows
  if (!first) throw notFound()
  return { store: first.store, now: first.now, menu: new Map(rows.flatMap(({ product }) => (product ? [[product.id, product] as const] : []))) }
}

/**
 * Locks those of the products whose stock is counted, archived ones too, in the order of their ids: two orders of the
 * same products never wait for each other in a circle.
 */
export async function lockCounted(tx: Transaction, storeId: string, productIds: string[]): Promise<ProductRow[]> {
  if (productIds.length === 0) return []
  return await tx
    .select()
    .from(products)
    .where(and(inArray(products.id, productIds), eq(products.storeId, storeId), isNotNull(products.stock)))
    .orderBy(asc(products.id))
    .for('no key update')
}

/** The menu with what the lock found: a row may have changed, or been archived, since it was read. */
export function refreshed(menu: Menu, locked: ProductRow[]): Menu {
  const fresh = new Map(menu)
  for (const row of locked) {
    if (row.archivedAt) fresh.delete(row.id)
    else if (fresh.has(row.id)) fresh.set(row.id, row)
  }
  return fresh
}

/**
 * Takes pieces out of the stock of locked products; a negative number brings them back. Throws 409 `out_of_stock`.
 * Answers the products that changed, for `emitStock`.
 */
export async function moveStock(tx: Transaction, locked: ProductRow[], pieces: Map<string, number>): Promise<ProductRow[]> {
  const moves = locked.flatMap((row) => {
    const taken = pieces.get(row.id) ?? 0
    return taken === 0 || row.stock === null ? [] : [{ id: row.id, name: row.name, taken, had: row.stock, stock: row.stock - taken }]
  })
  const short = moves.filter((move) => move.taken > 0 && move.stock < 0)
  const details = short.map(({ name, had }) => ({ path: 'items', message: `only ${had} left of "${name}"` }))
  if (details.length > 0) throw conflict('out_of_stock', 'There is not enough left', details)
  if (moves.length === 0) return []
  const ids = moves.map((move) => move.id)
  const stock = sql`(select stock from json_to_recordset(${JSON.stringify(moves)}::json) as moved(id uuid, stock int) where moved.id = ${products.id})`
  const changed = await tx
    .update(products)
    .set({ stock, ...nextProductVersion })
    .where(inArray(products.id, ids))
    .returning()
  return changed.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Tells of changed stock; an archived product stays silent. */
export function emitStock(emit: Emit, changed: ProductRow[]): void {
  for (const row of changed) if (!row.archivedAt) emitProduct(emit, 'updated', row, { stock: true })
}

/** What an order holds of the stock: pieces by product, taken while the product counted its own. */
export type StockTaken = Record<string, number>

/** The pieces to move, bringing back no more than was taken: the stock of a product may be counted only since. */
export const withinTaken = (pieces: Map<string, number>, taken: StockTaken): Map<string, number> =>
  new Map([...pieces].map(([id, number]) => [id, Math.max(number, -(taken[id] ?? 0))]))

/** What the order holds after a move: pieces of products that do not count theirs were not taken. */
export function takenAfter(before: StockTaken, pieces: Map<string, number>, moved: ProductRow[]): StockTaken {
  const counted = new Set(moved.map((row) => row.id))
  const after = new Map(Object.entries(before))
  for (const [id, number] of pieces) if (number < 0 || counted.has(id)) after.set(id, (after.get(id) ?? 0) + number)
  return Object.fromEntries([...after].filter(([, number]) => number > 0))
}
