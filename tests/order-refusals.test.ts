import { expect, test } from 'bun:test'
import { extras, sizes } from './support/modifiers'
import { createCustomer, orderOf, postOrder } from './support/orders'
import { detailPaths } from './support/refusals'
import { createOrder, createProduct, createWorld } from './support/world'

test('every wrong and unknown field is named, computed ones too', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const wrong = await postOrder(world, {
    id: crypto.randomUUID(),
    type: 'teleport',
    source: 'moon',
    items: [{ productId: 'x', quantity: 0, colour: 'red', note: '\u0000', modifiers: [{ groupId: '', optionId: 5 }] }],
    customer: { phone: '1' },
    tip: -1,
    discount: 0.5,
    requestedFor: '0000-01-01T00:00:00Z',
    total: 1,
    status: 'completed',
  })
  expect([wrong.status, wrong.code]).toEqual([422, 'validation_failed'])
  const line = [
    'items.0.colour',
    'items.0.modifiers.0.groupId',
    'items.0.modifiers.0.optionId',
    'items.0.note',
    'items.0.productId',
    'items.0.quantity',
  ]
  expect(detailPaths(wrong)).toEqual(['customer.firstName', 'discount', 'id', ...line, 'requestedFor', 'source', 'status', 'tip', 'total', 'type'])
  const tooMany = Array.from({ length: 101 }, () => ({ productId: product.id, quantity: 1 }))
  for (const items of [[], tooMany]) expect(detailPaths(await postOrder(world, orderOf(product.id, { items })))).toEqual(['items'])
  const both = await postOrder(world, orderOf(product.id, { customerId: product.id, customer: { firstName: 'A' } }))
  expect(detailPaths(both)).toEqual(['customer'])
  const late = await postOrder(world, orderOf(product.id, { requestedFor: '9999-12-31T23:59:59-12:00' }))
  expect(detailPaths(late)).toEqual(['requestedFor'])
})

test('modifiers are counted per group, and a foreign or repeated option is wrong', async () => {
  const world = await createWorld()
  const pizza = await createProduct(world, { price: 600, modifierGroups: [sizes, extras] })
  const plain = await createProduct(world)
  const choose = async (choices: [string, string][], productId = pizza.id) => {
    const modifiers = choices.map(([groupId, optionId]) => ({ groupId, optionId }))
    return postOrder(world, { type: 'pickup', items: [{ productId, quantity: 2, modifiers }] })
  }
  const wrong: [[string, string][], string[]][] = [
    [[], ['items.0.modifiers']],
    [
      [
        ['size', 's'],
        ['size', 'l'],
      ],
      ['items.0.modifiers'],
    ],
    [
      [
        ['size', 's'],
        ['extra', 'x'],
        ['extra', 'x'],
      ],
      ['items.0.modifiers.2'],
    ],
    [
      [
        ['size', 's'],
        ['extra', 'l'],
      ],
      ['items.0.modifiers.1.optionId'],
    ],
    [
      [
        ['size', 's'],
        ['nope', 'x'],
      ],
      ['items.0.modifiers.1.groupId'],
    ],
    // 600 − 50 − 700 is below zero.
    [
      [
        ['size', 's'],
        ['extra', 'z'],
      ],
      ['items.0.modifiers'],
    ],
  ]
  for (const [choices, paths] of wrong) {
    const answer = await choose(choices)
    expect([answer.status, detailPaths(answer)]).toEqual([422, paths])
  }
  expect((await choose([['size', 's']], plain.id)).status).toBe(422)
  const right = await choose([
    ['size', 'l'],
    ['extra', 'z'],
  ])
  expect([right.status, right.data.items[0].unitPrice, right.data.subtotal]).toEqual([201, 50, 100])
})

test('a product or customer that is foreign, unknown or archived looks the same', async () => {
  const [world, other] = [await createWorld(), await createWorld()]
  const [product, foreign, archived] = [await createProduct(world), await createProduct(other), await createProduct(world)]
  await world.manager.api.delete(`${world.path}/products/${archived.id}`)
  const [known, stranger] = [await createCustomer(world), await createCustomer(other)]
  await world.staff.api.delete(`${world.path}/customers/${known.id}`)
  const answers = await Promise.all(
    [foreign.id, archived.id, Bun.randomUUIDv7()].map((id) =>
      postOrder(world, {
        type: 'pickup',
        items: [
          { productId: product.id, quantity: 1 },
          { productId: id, quantity: 1 },
        ],
      }),
    ),
  )
  for (const answer of answers) {
    expect([answer.status, answer.body.error.details]).toEqual([422, [{ path: 'items.1.productId', message: 'is not a product of this store' }]])
  }
  for (const customerId of [stranger.id, known.id, Bun.randomUUIDv7()]) {
    expect(detailPaths(await postOrder(world, orderOf(product.id, { customerId })))).toEqual(['customerId'])
  }
  const several = await postOrder(world, orderOf(foreign.id, { customerId: stranger.id }))
  expect(detailPaths(several)).toEqual(['customerId', 'items.0.productId'])
  expect(several.body.message).not.toContain(other.storeId)
})

test('amounts over the largest, and a discount over the subtotal, are wrong', async () => {
  const world = await createWorld({ taxRateBps: 10_000 })
  const [gold, penny] = [
    await createProduct(world, { price: 99_999_999_999, taxRateBps: 0 }),
    await createProduct(world, { price: 1, taxRateBps: 0 }),
  ]
  const taxed = await createProduct(world, { price: 99_999_999_999 })
  expect((await createOrder(world, gold.id)).total).toBe(99_999_999_999)
  const dear = { items: Array.from({ length: 100 }, () => ({ productId: gold.id, quantity: 999 })) }
  expect(detailPaths(await postOrder(world, orderOf(gold.id, dear)))).toEqual(['items'])
  expect(detailPaths(await postOrder(world, orderOf(taxed.id)))).toEqual(['total'])
  expect(detailPaths(await postOrder(world, orderOf(gold.id, { tip: 1 })))).toEqual(['total'])
  expect(detailPaths(await postOrder(world, orderOf(penny.id, { discount: 2 })))).toEqual(['discount'])
})

test('a closed store and an unavailable product refuse, but wrong fields are told first', async () => {
  const world = await createWorld()
  const [product, gone] = [await createProduct(world), await createProduct(world, { isAvailable: false })]
  const unavailable = await postOrder(world, orderOf(gone.id))
  expect([unavailable.status, unavailable.code, detailPaths(unavailable)]).toEqual([409, 'product_unavailable', ['items.0.productId']])
  await world.manager.api.patch(world.path, { isOpen: false })
  const closed = await postOrder(world, orderOf(product.id))
  expect([closed.status, closed.code]).toEqual([409, 'store_closed'])
  expect((await postOrder(world, orderOf(gone.id, { customerId: Bun.randomUUIDv7() }))).status).toBe(422)
})
