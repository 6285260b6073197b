import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { priceOrder } from '~/controllers/order-pricing'
import { addLine, type CartLine, estimate, modifierProblem, setQuantity } from '~/ui/console/model/cart'
import type { Product } from '~/utils/contracts/product'

const product = (price: number, taxRateBps: number | null = null, modifierGroups: Product['modifierGroups'] = []): Product => ({
  id: Bun.randomUUIDv7(),
  storeId: 'store',
  categoryId: null,
  name: 'Product',
  sku: null,
  description: null,
  price,
  taxRateBps,
  imageUrl: null,
  isAvailable: true,
  stock: null,
  modifierGroups,
  version: 1,
  createdAt: '',
  updatedAt: '',
})

const line = fc.record({
  price: fc.integer({ min: 0, max: 4_000_000 }),
  quantity: fc.integer({ min: 1, max: 999 }),
  taxRateBps: fc.option(fc.integer({ min: 0, max: 10_000 })),
})

test('the till tells the very sum that the server will ask for', () => {
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 0, max: 10_000 }),
      fc.boolean(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(5000),
      (rows, storeRate, pricesIncludeTax, discountShare, tip) => {
        const lines: CartLine[] = rows.map((row, index) => ({
          key: String(index),
          product: product(row.price, row.taxRateBps),
          quantity: row.quantity,
          choices: [],
          note: '',
        }))
        const subtotal = rows.reduce((sum, row) => sum + row.price * row.quantity, 0)
        const charges = { discount: Math.floor(subtotal * discountShare), tip, deliveryFee: 250, serviceCharge: 0 }
        const priced = rows.map((row) => ({ unitPrice: row.price, quantity: row.quantity, taxRateBps: row.taxRateBps ?? storeRate }))
        expect(estimate(lines, charges, { taxRateBps: storeRate, pricesIncludeTax })).toEqual(priceOrder(priced, charges, pricesIncludeTax))
      },
    ),
  )
})

test('equal lines are counted together, others stay apart, and none at all goes', () => {
  const size = {
    id: 'size',
    name: 'Size',
    min: 1,
    max: 1,
    options: [
      { id: 's', name: 'S', priceDelta: 0 },
      { id: 'l', name: 'L', priceDelta: 100 },
    ],
  }
  const pizza = product(900, null, [size])
  let lines = addLine([], pizza, [{ groupId: 'size', optionId: 's' }])
  lines = addLine(lines, pizza, [{ groupId: 'size', optionId: 's' }])
  lines = addLine(lines, pizza, [{ groupId: 'size', optionId: 'l' }])
  lines = addLine(lines, pizza, [{ groupId: 'size', optionId: 'l' }], 'well done')
  expect(lines.map((each) => each.quantity)).toEqual([2, 1, 1])
  lines = setQuantity(lines, lines[1]?.key ?? '', 0)
  expect(lines.map((each) => [each.quantity, each.note])).toEqual([
    [2, ''],
    [1, 'well done'],
  ])
})

test('a wrong number of choices is told before anything is sent', () => {
  const extras = { id: 'extras', name: 'Extras', min: 1, max: 2, options: ['a', 'b', 'c'].map((id) => ({ id, name: id, priceDelta: 0 })) }
  const choose = (...ids: string[]) => ids.map((optionId) => ({ groupId: 'extras', optionId }))
  expect(modifierProblem(product(1, null, [extras]), [])).toBe('Extras: choose at least 1')
  expect(modifierProblem(product(1, null, [extras]), choose('a', 'b'))).toBeNull()
  expect(modifierProblem(product(1, null, [extras]), choose('a', 'b', 'c'))).toBe('Extras: choose at most 2')
})
