import { maxAmount } from '~/utils/contracts/common'
import { invalidField } from '~/utils/errors'

/**
 * What an order costs. Pure, and exact: an amount times a rate or another amount passes 2^53, so everything between the
 * lines and the totals is computed with BigInt.
 */

export type PricedLine = { unitPrice: number; quantity: number; taxRateBps: number }
export type Charges = { discount: number; tip: number; deliveryFee: number; serviceCharge: number }
export type Totals = Charges & { subtotal: number; tax: number; total: number }

const largest = BigInt(maxAmount)
const wholeRate = 10_000n

/** Throws 422 for a subtotal or total over the largest amount, and for a discount over the subtotal. */
export function priceOrder(lines: PricedLine[], charges: Charges, pricesIncludeTax: boolean): Totals {
  const lineTotals = lines.map((line) => BigInt(line.unitPrice) * BigInt(line.quantity))
  const subtotal = sum(lineTotals)
  const discount = BigInt(charges.discount)
  if (subtotal > largest) throw invalidField('items', `must not cost more than ${maxAmount}`)
  if (discount > subtotal) throw invalidField('discount', 'must not be greater than the subtotal')
  const discounts = spreadDiscount(discount, lineTotals)
  const rates = lines.map((line) => BigInt(line.taxRateBps))
  const remaining = lineTotals.map((lineTotal, index) => lineTotal - (discounts[index] ?? 0n))
  const tax = taxOf(remaining, rates, pricesIncludeTax)
  const extras = BigInt(charges.tip) + BigInt(charges.deliveryFee) + BigInt(charges.serviceCharge)
  const total = subtotal - discount + (pricesIncludeTax ? 0n : tax) + extras
  if (total > largest) throw invalidField('total', `must not be greater than ${maxAmount}`)
  return { ...charges, subtotal: Number(subtotal), tax: Number(tax), total: Number(total) }
}

const sum = (amounts: bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n)

/**
 * Shares a discount out in proportion to the lines, by largest remainder: what rounding down leaves over goes in single
 * units to the lines with the largest remainders, the earlier one first when they are equal.
 */
export function spreadDiscount(discount: bigint, lineTotals: bigint[]): bigint[] {
  const subtotal = sum(lineTotals)
  if (discount === 0n || subtotal === 0n) return lineTotals.map(() => 0n)
  const shares = lineTotals.map((lineTotal) => (discount * lineTotal) / subtotal)
  const byRemainder = lineTotals
    .map((lineTotal, index) => ({ index, remainder: (discount * lineTotal) % subtotal }))
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1))
  const leftOver = Number(discount - sum(shares))
  for (const { index } of byRemainder.slice(0, leftOver)) shares[index] = (shares[index] ?? 0n) + 1n
  return shares
}

/** The tax of each rate on the sum of its lines, half up; with prices that include tax, the part contained in them. */
function taxOf(amounts: bigint[], rates: bigint[], pricesIncludeTax: boolean): bigint {
  const byRate = new Map<bigint, bigint>()
  for (const [index, rate] of rates.entries()) byRate.set(rate, (byRate.get(rate) ?? 0n) + (amounts[index] ?? 0n))
  return sum([...byRate].map(([rate, amount]) => divideHalfUp(amount * rate, pricesIncludeTax ? wholeRate + rate : wholeRate)))
}

const divideHalfUp = (dividend: bigint, divisor: bigint): bigint => (2n * dividend + divisor) / (2n * divisor)
