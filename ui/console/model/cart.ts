import type { OrderItem } from '~/utils/contracts/order-document'
import type { Product } from '~/utils/contracts/product'
import type { Store } from '~/utils/contracts/store'

/** The till's cart. What an order costs is decided by the server; this tells the same sum before it is sent. */

export type Choice = { groupId: string; optionId: string }
export type CartLine = { key: string; product: Product; quantity: number; choices: Choice[]; note: string }
export type Charges = { discount: number; tip: number; deliveryFee: number; serviceCharge: number }
export type Totals = Charges & { subtotal: number; tax: number; total: number }

export const noCharges: Charges = { discount: 0, tip: 0, deliveryFee: 0, serviceCharge: 0 }

export function unitPriceOf(product: Product, choices: Choice[]): number {
  return product.price + chosenOptions(product, choices).reduce((sum, option) => sum + option.priceDelta, 0)
}

export function chosenOptions(product: Product, choices: Choice[]) {
  return choices.flatMap(({ groupId, optionId }) => {
    const option = product.modifierGroups.find((group) => group.id === groupId)?.options.find((candidate) => candidate.id === optionId)
    return option ? [option] : []
  })
}

/** The first group whose number of choices is wrong, in words; null when all are right. */
export function modifierProblem(product: Product, choices: Choice[]): string | null {
  for (const group of product.modifierGroups) {
    const count = choices.filter((choice) => choice.groupId === group.id).length
    if (count < group.min) return `${group.name}: choose ${group.min === group.max ? group.min : `at least ${group.min}`}`
    if (count > group.max) return `${group.name}: choose at most ${group.max}`
  }
  return null
}

const keyOf = (productId: string, choices: Choice[], note: string): string =>
  JSON.stringify([productId, choices.map((choice) => `${choice.groupId}/${choice.optionId}`).sort(), note])

/** Equal lines are one line with a larger quantity. */
export function addLine(lines: CartLine[], product: Product, choices: Choice[], note = '', quantity = 1): CartLine[] {
  const key = keyOf(product.id, choices, note)
  const known = lines.find((line) => line.key === key)
  if (known) return lines.map((line) => (line === known ? { ...line, quantity: Math.min(999, line.quantity + quantity) } : line))
  return [...lines, { key, product, quantity, choices, note }]
}

export function setQuantity(lines: CartLine[], key: string, quantity: number): CartLine[] {
  if (quantity < 1) return lines.filter((line) => line.key !== key)
  return lines.map((line) => (line.key === key ? { ...line, quantity: Math.min(999, quantity) } : line))
}

/** Amounts times amounts pass 2^53, so that between the lines and the totals everything is a BigInt. */
export function estimate(lines: CartLine[], charges: Charges, store: Pick<Store, 'taxRateBps' | 'pricesIncludeTax'>): Totals {
  const lineTotals = lines.map((line) => BigInt(unitPriceOf(line.product, line.choices)) * BigInt(line.quantity))
  const discounts = spread(BigInt(charges.discount), lineTotals)
  const byRate = new Map<number, bigint>()
  for (const [index, line] of lines.entries()) {
    const rate = line.product.taxRateBps ?? store.taxRateBps
    byRate.set(rate, (byRate.get(rate) ?? 0n) + (lineTotals[index] ?? 0n) - (discounts[index] ?? 0n))
  }
  const taxes = [...byRate].map(([rate, amount]) => divideHalfUp(amount * BigInt(rate), store.pricesIncludeTax ? BigInt(10_000 + rate) : 10_000n))
  const [subtotal, tax] = [Number(sum(lineTotals)), Number(sum(taxes))]
  const extras = charges.tip + charges.deliveryFee + charges.serviceCharge
  return { ...charges, subtotal, tax, total: subtotal - charges.discount + (store.pricesIncludeTax ? 0 : tax) + extras }
}

const sum = (amounts: bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n)
const divideHalfUp = (dividend: bigint, divisor: bigint): bigint => (2n * dividend + divisor) / (2n * divisor)

/** Largest remainder; equal ones to the earlier line. */
function spread(discount: bigint, lineTotals: bigint[]): bigint[] {
  const subtotal = sum(lineTotals)
  if (subtotal === 0n) return lineTotals.map(() => 0n)
  const shares = lineTotals.map((lineTotal) => (discount * lineTotal) / subtotal)
  const order = lineTotals
    .map((lineTotal, index) => ({ index, remainder: (discount * lineTotal) % subtotal }))
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1))
  for (const { index } of order.slice(0, Number(discount - sum(shares)))) shares[index] = (shares[index] ?? 0n) + 1n
  return shares
}

/** Choices in words: `Large, no onions`. */
export const describeChoices = (modifiers: Pick<OrderItem['modifiers'][number], 'name'>[]): string =>
  modifiers.map((modifier) => modifier.name).join(', ')
