import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Charges, type PricedLine, priceOrder, spreadDiscount } from '~/controllers/order-pricing'
import { maxAmount } from '~/utils/contracts/common'
import { AppError } from '~/utils/errors'

const free: Charges = { discount: 0, tip: 0, deliveryFee: 0, serviceCharge: 0 }
const line = (unitPrice: number, quantity = 1, taxRateBps = 0): PricedLine => ({ unitPrice, quantity, taxRateBps })

const refusal = (price: () => unknown): string[] => {
  try {
    price()
  } catch (error) {
    if (error instanceof AppError && error.status === 422) return (error.details ?? []).map((detail) => detail.path)
  }
  return []
}

test('tax at exactly one half goes up', () => {
  for (const [price, tax] of [
    [10, 1],
    [9, 0],
    [30, 2],
    [50, 3],
    [29, 1],
  ] as const)
    expect(priceOrder([line(price, 1, 500)], free, false).tax).toBe(tax)
})

test('tax is computed per rate, not per line: two halves of one rate make one whole', () => {
  expect(priceOrder([line(5, 1, 1000), line(5, 1, 1000)], free, false).tax).toBe(1)
  expect(priceOrder([line(5, 1, 1000), line(5, 1, 1100)], free, false).tax).toBe(2)
})

test('with prices that include it, the contained tax is told and not added', () => {
  expect(priceOrder([line(1190, 1, 1900)], free, true)).toMatchObject({ subtotal: 1190, tax: 190, total: 1190 })
  expect(priceOrder([line(1190, 1, 1900)], { ...free, discount: 595, tip: 100 }, true)).toMatchObject({ tax: 95, total: 695 })
  expect(priceOrder([line(21, 1, 10_000)], free, true).tax).toBe(11)
})

test('a discount is spread by largest remainder, equal remainders to the earlier line', () => {
  expect(spreadDiscount(100, [1, 1, 1])).toEqual([34, 33, 33])
  expect(spreadDiscount(2, [1, 1, 1])).toEqual([1, 1, 0])
  expect(spreadDiscount(10, [100, 200, 33])).toEqual([3, 6, 1])
  expect(spreadDiscount(0, [0, 0])).toEqual([0, 0])
})

test('fees and tip are untaxed and undiscounted', () => {
  const totals = priceOrder([line(1000, 1, 1000)], { discount: 1000, tip: 5, deliveryFee: 7, serviceCharge: 11 }, false)
  expect(totals).toEqual({ subtotal: 1000, discount: 1000, tax: 0, tip: 5, deliveryFee: 7, serviceCharge: 11, total: 23 })
})

test('the largest amount is still exact, and one more is refused', () => {
  expect(priceOrder([line(maxAmount, 1, 0)], free, false).total).toBe(maxAmount)
  expect(priceOrder([line(maxAmount, 1, 10_000)], free, true)).toMatchObject({ tax: 50_000_000_000, total: maxAmount })
  expect(refusal(() => priceOrder([line(maxAmount, 1, 1)], free, false))).toEqual(['total'])
  expect(refusal(() => priceOrder([line(maxAmount, 1)], { ...free, tip: 1 }, false))).toEqual(['total'])
  expect(refusal(() => priceOrder([line(maxAmount), line(1)], free, false))).toEqual(['items'])
  expect(refusal(() => priceOrder(Array(100).fill(line(maxAmount, 999)), free, false))).toEqual(['items'])
  expect(refusal(() => priceOrder([line(5)], { ...free, discount: 6 }, false))).toEqual(['discount'])
})

const anyLines = fc.array(
  fc.record({
    unitPrice: fc.oneof(fc.nat({ max: 3000 }), fc.nat({ max: 999_999_999 })),
    quantity: fc.integer({ min: 1, max: 999 }),
    taxRateBps: fc.constantFrom(0, 1, 700, 775, 1900, 10_000),
  }),
  { minLength: 1, maxLength: 12 },
)

/** What is left of each line after the discount, by the definition of largest remainder, in whole numbers of subtotal-ths. */
function referenceRemains(totals: bigint[], discount: bigint): bigint[] {
  const subtotal = totals.reduce((a, b) => a + b, 0n)
  if (subtotal === 0n) return totals
  const shares = totals.map((total) => (total * discount) / subtotal)
  for (let left = discount - shares.reduce((a, b) => a + b, 0n); left > 0n; left--) {
    let best = 0
    const missing = (index: number) => (totals[index] ?? 0n) * discount - (shares[index] ?? 0n) * subtotal
    for (const index of totals.keys()) if (missing(index) > missing(best)) best = index
    shares[best] = (shares[best] ?? 0n) + 1n
  }
  return totals.map((total, index) => total - (shares[index] ?? 0n))
}

/** Twice the distance between a whole number of tax and the exact fraction is at most 1, and a tie was rounded up. */
const isHalfUp = (tax: bigint, dividend: bigint, divisor: bigint) => {
  const twice = 2n * (tax * divisor - dividend)
  return twice > -divisor && twice <= divisor
}

test('any order agrees with a reference in whole numbers, and with the check of the database', () => {
  fc.assert(
    fc.property(anyLines, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 9999 }), fc.boolean(), (lines, part, tip, pricesIncludeTax) => {
      const lineTotals = lines.map((entry) => BigInt(entry.unitPrice) * BigInt(entry.quantity))
      const expectedSubtotal = lineTotals.reduce((a, b) => a + b, 0n)
      fc.pre(2n * expectedSubtotal + 9999n <= BigInt(maxAmount))
      const discount = Math.floor(Number(expectedSubtotal) * part)
      const totals = priceOrder(lines, { ...free, discount, tip }, pricesIncludeTax)
      const remains = referenceRemains(lineTotals, BigInt(discount))

      let taxes = 0n
      for (const rate of new Set(lines.map((entry) => entry.taxRateBps))) {
        const base = remains.filter((_, index) => lines[index]?.taxRateBps === rate).reduce((a, b) => a + b, 0n)
        const divisor = pricesIncludeTax ? BigInt(10_000 + rate) : 10_000n
        const dividend = base * BigInt(rate)
        const tax = [dividend / divisor, dividend / divisor + 1n].find((candidate) => isHalfUp(candidate, dividend, divisor))
        if (tax === undefined) throw new Error('no whole tax is half up')
        taxes += tax
      }
      expect(BigInt(totals.subtotal)).toBe(expectedSubtotal)
      expect(BigInt(totals.tax)).toBe(taxes)
      expect(totals.total).toBe(totals.subtotal - discount + (pricesIncludeTax ? 0 : totals.tax) + tip)
    }),
    { numRuns: 500 },
  )
})

test('tax is exact up to the largest amount', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: maxAmount }), fc.integer({ min: 0, max: 10_000 }), (amount, rate) => {
      const { tax } = priceOrder([line(amount, 1, rate)], free, true)
      expect(isHalfUp(BigInt(tax), BigInt(amount) * BigInt(rate), BigInt(10_000 + rate))).toBe(true)
    }),
    { numRuns: 1000 },
  )
})

test('a spread discount is whole, and each share is the exact one rounded down or up', () => {
  const amount = fc.integer({ min: 0, max: Math.floor(maxAmount / 100) })
  fc.assert(
    fc.property(fc.array(amount, { minLength: 1, maxLength: 100 }), fc.double({ min: 0, max: 1, noNaN: true }), (lineTotals, part) => {
      const subtotal = lineTotals.reduce((a, b) => a + b, 0)
      const discount = Math.floor(subtotal * part)
      const shares = spreadDiscount(discount, lineTotals)
      expect(shares.reduce((a, b) => a + b, 0)).toBe(discount)
      for (const [index, share] of shares.entries()) {
        const lineTotal = lineTotals[index] ?? 0
        const [whole, exact] = [BigInt(share) * BigInt(subtotal), BigInt(discount) * BigInt(lineTotal)]
        expect(subtotal === 0 || (whole > exact - BigInt(subtotal) && whole < exact + BigInt(subtotal))).toBe(true)
        expect(share).toBeLessThanOrEqual(lineTotal)
      }
    }),
    { numRuns: 300 },
  )
})
