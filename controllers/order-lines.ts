import type { products } from '~/db/schema'
import { maxAmount } from '~/utils/contracts/common'
import type { ModifierChoice, NewLine, PatchedLine } from '~/utils/contracts/order'
import type { OrderItem } from '~/utils/contracts/order-document'
import { conflict, type ErrorDetail } from '~/utils/errors'

/** From the lines of a request to the items of an order. Pure: whatever is judged here was read before. */

export type ProductRow = typeof products.$inferSelect
/** What an order asks of a product. Its description may be long, and is not read. */
export type SoldProduct = Pick<ProductRow, 'id' | 'name' | 'sku' | 'price' | 'taxRateBps' | 'isAvailable' | 'stock' | 'modifierGroups'>
/** Products of the store by id; one that is missing, foreign or archived is not in it. */
export type Menu = ReadonlyMap<string, SoldProduct>

/** A line of a request, in its place: a new one, one that stays from the order as it was, or one already told as wrong. */
export type Line = { kind: 'new'; line: NewLine } | { kind: 'kept'; item: OrderItem } | { kind: 'wrong' }

const newLine = (line: NewLine): Line => ({ kind: 'new', line })
export const newLines = (lines: NewLine[]): Line[] => lines.map(newLine)

/**
 * Makes the items; wrong ones are told in `details`, by their place in the body. Kept lines are not judged again; new
 * ones take today's name, price and rate.
 */
export function makeItems(lines: Line[], menu: Menu, storeRateBps: number, details: ErrorDetail[]): OrderItem[] {
  return lines.flatMap((entry, index) => {
    if (entry.kind === 'kept') return [entry.item]
    if (entry.kind === 'wrong') return []
    const wrong: ErrorDetail[] = []
    const item = makeItem(entry.line, menu.get(entry.line.productId), storeRateBps, `items.${index}`, wrong)
    details.push(...wrong)
    return item && wrong.length === 0 ? [item] : []
  })
}

function makeItem(line: NewLine, product: SoldProduct | undefined, storeRateBps: number, path: string, wrong: ErrorDetail[]): OrderItem | null {
  if (!product) {
    wrong.push({ path: `${path}.productId`, message: 'is not a product of this store' })
    return null
  }
  const modifiers = chooseModifiers(line.modifiers, product, path, wrong)
  const unitPrice = modifiers.reduce((price, modifier) => price + modifier.priceDelta, product.price)
  if (unitPrice < 0) wrong.push({ path: `${path}.modifiers`, message: 'must not bring the price below zero' })
  if (unitPrice > maxAmount) wrong.push({ path: `${path}.modifiers`, message: `must not bring the price over ${maxAmount}` })
  return {
    id: Bun.randomUUIDv7(),
    productId: product.id,
    name: product.name,
    sku: product.sku,
    unitPrice,
    taxRateBps: product.taxRateBps ?? storeRateBps,
    quantity: line.quantity,
    modifiers,
    note: line.note ?? null,
    lineTotal: unitPrice * line.quantity,
  }
}

function chooseModifiers(choices: ModifierChoice[], product: SoldProduct, path: string, wrong: ErrorDetail[]): OrderItem['modifiers'] {
  const taken = new Set<string>()
  const counts = new Map<string, number>()
  const chosen = choices.flatMap(({ groupId, optionId }, index) => {
    const group = product.modifierGroups.find((candidate) => candidate.id === groupId)
    const option = group?.options.find((candidate) => candidate.id === optionId)
    if (!group) wrong.push({ path: `${path}.modifiers.${index}.groupId`, message: 'is not a modifier group of this product' })
    else if (!option) wrong.push({ path: `${path}.modifiers.${index}.optionId`, message: 'is not an option of this group' })
    else if (taken.has(keyOf({ groupId, optionId }))) wrong.push({ path: `${path}.modifiers.${index}`, message: 'is chosen twice' })
    taken.add(keyOf({ groupId, optionId }))
    counts.set(groupId, (counts.get(groupId) ?? 0) + 1)
    return option ? [{ groupId, optionId, name: option.name, priceDelta: option.priceDelta }] : []
  })
  for (const group of product.modifierGroups) {
    const count = counts.get(group.id) ?? 0
    if (count < group.min || count > group.max)
      wrong.push({ path: `${path}.modifiers`, message: `"${group.name}" takes ${group.min} to ${group.max} options, not ${count}` })
  }
  return chosen
}

const keyOf = (choice: { groupId: string; optionId: string }): string => JSON.stringify([choice.groupId, choice.optionId])

/** Throws 409 `product_unavailable` when a new line asks for what is not sold right now. */
export function requireAvailable(lines: Line[], menu: Menu): void {
  const details = lines.flatMap((entry, index) => {
    if (entry.kind !== 'new' || menu.get(entry.line.productId)?.isAvailable) return []
    return [{ path: `items.${index}.productId`, message: 'is not available right now' }]
  })
  if (details.length > 0) throw conflict('product_unavailable', 'A product is not available right now', details)
}

/**
 * Tells which lines of a PATCH stay: by their `id`, else by product and modifiers, of several the one with the same note
 * first. A line that stays keeps what the body leaves out. Wrong ids are told in `details`.
 */
export function matchLines(patched: PatchedLine[], items: OrderItem[], details: ErrorDetail[]): Line[] {
  const free = new Map(items.map((item) => [item.id, item]))
  const byId = patched.map((line, index) => {
    if (line.id === undefined) return undefined
    const item = free.get(line.id)
    if (!item) details.push({ path: `items.${index}.id`, message: 'is not a line of this order, or names one twice' })
    else if (line.productId !== undefined && line.productId !== item.productId)
      details.push({ path: `items.${index}.productId`, message: 'must be the product of the line; leave the id out for a new line' })
    else if (line.modifiers && !hasModifiers(item, line.modifiers))
      details.push({ path: `items.${index}.modifiers`, message: 'must be those of the line; leave the id out for a new line' })
    free.delete(line.id)
    return item
  })
  return patched.map((line, index): Line => {
    const item = byId[index] ?? takeEqual(line, free)
    if (item) return keptLine(line, item)
    const { id, productId, modifiers = [], ...rest } = line
    return id === undefined && productId !== undefined ? newLine({ ...rest, productId, modifiers }) : { kind: 'wrong' }
  })
}

function takeEqual(line: PatchedLine, free: Map<string, OrderItem>): OrderItem | undefined {
  if (line.id !== undefined) return undefined
  const equal = [...free.values()].filter((item) => item.productId === line.productId && hasModifiers(item, line.modifiers ?? []))
  const item = equal.find((candidate) => candidate.note === (line.note ?? null)) ?? equal[0]
  if (item) free.delete(item.id)
  return item
}

function keptLine(line: PatchedLine, item: OrderItem): Line {
  const note = line.note === undefined ? item.note : line.note
  return { kind: 'kept', item: { ...item, quantity: line.quantity, note, lineTotal: item.unitPrice * line.quantity } }
}

function hasModifiers(item: OrderItem, choices: ModifierChoice[]): boolean {
  const keys = new Set(item.modifiers.map(keyOf))
  return choices.length === keys.size && new Set(choices.map(keyOf)).size === keys.size && choices.every((choice) => keys.has(keyOf(choice)))
}

/** The products that lines ask for anew. */
export const newProductIds = (lines: Line[]): string[] => [...new Set(lines.flatMap((entry) => (entry.kind === 'new' ? entry.line.productId : [])))]

/** What lines take, as `piecesOf` counts it. */
export const quantitiesOf = (lines: Line[]): Taken[] =>
  lines.flatMap((entry) => (entry.kind === 'new' ? entry.line : entry.kind === 'kept' ? entry.item : []))

type Taken = { productId: string; quantity: number }

/** How many pieces of each product are taken. */
export function piecesOf(items: Taken[]): Map<string, number> {
  const pieces = new Map<string, number>()
  for (const item of items) pieces.set(item.productId, (pieces.get(item.productId) ?? 0) + item.quantity)
  return pieces
}

/** What `after` takes more than `before`, or less. */
export function movedPieces(after: Map<string, number>, before: Map<string, number>): Map<string, number> {
  const ids = new Set([...after.keys(), ...before.keys()])
  const moved = [...ids].map((id) => [id, (after.get(id) ?? 0) - (before.get(id) ?? 0)] as const)
  return new Map(moved.filter(([, pieces]) => pieces !== 0))
}
