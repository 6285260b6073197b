import { maxAmount } from '~/utils/contracts/common'
import { invalidField } from '~/utils/errors'

/**
 * What an order costs. Pure, and exact: an amount is below 10^11 and a rate at most 10^4, so twice their product is still a
 * safe integer. Only the product of two amounts is not: a discount is spread with BigInt.
 */

export type PricedLine = { unitPrice: number; quantity: number; taxRateBps: number }
export type Charges = { discount: number; tip: number; deliveryFee: number; serviceCharge: number }
export type Totals = Charges & { subtotal: number; tax: number; total: number }

const wholeRate = 10_000

/** Throws 422 for a subtotal or total over the largest amount, and for a discount over the subtotal. */
export function priceOrder(lines: PricedLine[], charges: Charges, pricesIncludeTax: boolean): Totals {
  const { discount, tip, deliveryFee, serviceCharge } = charges
  const lineTotals = lines.map((line) => line.unitPrice * line.quantity)
  const subtotal = sum(lineTotals)
  if (subtotal > maxAmount) throw invalidField('items', `must not cost more than ${maxAmount}`)
  if (discount > subtotal) throw invalidField('discount', 'must not be greater than the subtotal')
  const discounts = spreadDiscount(discount, lineTotals)
  const remaining = lineTotals.map((lineTotal, index) => lineTotal - (discounts[index] ?? 0))
  const rates = lines.map((line) => line.taxRateBps)
  const tax = taxOf(remaining, rates, pricesIncludeTax)
  const total = subtotal - discount + (pricesIncludeTax ? 0 : tax) + tip + deliveryFee + serviceCharge
  if (total > maxAmount) throw invalidField('total', `must not be greater than ${maxAmount}`)
  return { ...charges, subtotal, tax, total }
}

const sum = (amounts: number[]): number => amounts.reduce((total, amount) => total + amount, 0)

/**
 * Shares a discount out in proportion to the lines, by largest remainder: what rounding down leaves over goes in single
 * units to the lines with the largest remainders, the earlier one first when they are equal.
 */
export function spreadDiscount(discount: number, lineTotals: number[]): number[] {
  const subtotal = BigInt(sum(lineTotals))
  if (discount === 0 || subtotal === 0n) return lineTotals.map(() => 0)
  const parts = lineTotals.map((lineTotal) => BigInt(discount) * BigInt(lineTotal))
  const shares = parts.map((part) => Number(part / subtotal))
  const byRemainder = parts
    .map((part, index) => ({ index, remainder: part % subtotal }))
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1))
  for (const { index } of byRemainder.slice(0, discount - sum(shares))) shares[index] = (shares[index] ?? 0) + 1
  return shares
}

/** The tax of each rate on the sum of its lines, half up; with prices that include tax, the part contained in them. */
function taxOf(amounts: number[], rates: number[], pricesIncludeTax: boolean): number {
  const byRate = new Map<number, number>()
  for (const [index, rate] of rates.entries()) byRate.set(rate, (byRate.get(rate) ?? 0) + (amounts[index] ?? 0))
  return sum([...byRate].map(([rate, amount]) => divideHalfUp(amount * rate, pricesIncludeTax ? wholeRate + rate : wholeRate)))
}

const divideHalfUp = (dividend: number, divisor: number): number => Math.floor((2 * dividend + divisor) / (2 * divisor))
