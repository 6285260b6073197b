import { expect, test } from 'bun:test'
import { followLog } from './support/log'
import { createOrder, createProduct, createWorld, type World } from './support/world'

const pieces = (productId: string, quantity = 1) => ({ type: 'pickup', items: [{ productId, quantity }] })
const order = (world: World, body: unknown) => world.staff.api.post(`${world.path}/orders`, body)
const setStatus = (world: World, id: string, status: string) => world.manager.api.post(`${world.path}/orders/${id}/status`, { status })
const stockOf = async (world: World, id: string) => (await world.staff.api.get(`${world.path}/products/${id}`)).data.stock

test('100 parallel orders for the last 10 pieces: exactly 10 succeed, the others are out of stock', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { stock: 10 })
  const answers = await Promise.all(Array.from({ length: 100 }, () => order(world, pieces(product.id))))
  const outcomes = answers.map((answer) => answer.code ?? answer.status)
  expect(outcomes.filter((outcome) => outcome === 201)).toHaveLength(10)
  expect(outcomes.filter((outcome) => outcome === 'out_of_stock')).toHaveLength(90)
  expect(await stockOf(world, product.id)).toBe(0)
})

test('orders of the same two products in opposite order never lock each other out', async () => {
  const world = await createWorld()
  const [a, b] = [await createProduct(world, { stock: 100 }), await createProduct(world, { stock: 100 })]
  const lines = [a, b].map(({ id }) => ({ productId: id, quantity: 1 }))
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) => order(world, { type: 'pickup', items: index % 2 ? lines : [...lines].reverse() })),
  )
  expect(answers.map((answer) => answer.status)).toEqual(Array(40).fill(201))
  expect([await stockOf(world, a.id), await stockOf(world, b.id)]).toEqual([60, 60])
})

test('taking stock makes a version and an event of each counted product, after the order', async () => {
  const world = await createWorld()
  const [counted, free] = [await createProduct(world, { stock: 5 }), await createProduct(world)]
  const logged = await followLog(world.stream)
  const items = [counted, free, counted].map(({ id }) => ({ productId: id, quantity: 2 }))
  expect((await order(world, { type: 'pickup', items })).status).toBe(201)
  const [created, changed, ...others] = await logged()
  expect([created?.type, others]).toEqual(['order_created', []])
  const product = (await world.staff.api.get(`${world.path}/products/${counted.id}`)).data
  expect(product).toMatchObject({ stock: 1, version: 2 })
  expect(changed?.type).toBe('product_updated')
  expect(changed?.data).toEqual({ action: 'updated', productId: counted.id, product, updatedFields: { stock: true } })
  expect(await stockOf(world, free.id)).toBe(null)
})

test('lines of one product are added up, and a refused order leaves nothing behind', async () => {
  const world = await createWorld()
  const [rare, other] = [await createProduct(world, { stock: 3, name: 'Truffle' }), await createProduct(world, { stock: 9 })]
  const logged = await followLog(world.stream)
  const items = [other, rare, rare].map(({ id }) => ({ productId: id, quantity: 2 }))
  const answer = await order(world, { type: 'pickup', items, customer: { firstName: 'Nobody' } })
  expect([answer.status, answer.code]).toEqual([409, 'out_of_stock'])
  expect(answer.body.error.details).toEqual([{ path: 'items', message: 'only 3 left of "Truffle"' }])
  expect([await stockOf(world, rare.id), await stockOf(world, other.id), await logged()]).toEqual([3, 9, []])
  expect((await world.staff.api.get(`${world.path}/customers`)).data).toEqual([])
  expect((await createOrder(world, rare.id)).orderNumber).toBe('1001')
})

for (const path of ['cancelled', 'rejected', 'preparing ready cancelled']) {
  test(`stock comes back once when an order goes ${path}`, async () => {
    const world = await createWorld()
    const product = await createProduct(world, { stock: 3 })
    const { id } = (await order(world, pieces(product.id, 2))).data
    const logged = await followLog(world.stream)
    const steps = path.split(' ')
    for (const status of steps) expect((await setStatus(world, id, status)).status).toBe(200)
    expect((await setStatus(world, id, steps.at(-1) ?? '')).status).toBe(200)
    expect(await stockOf(world, product.id)).toBe(3)
    const types: string[] = (await logged()).map((event) => event.type)
    expect(types).toEqual([...steps.map(() => 'order_status_changed'), 'product_updated'])
  })
}

test('stock comes back only to products that still count theirs, and to archived ones in silence', async () => {
  const world = await createWorld()
  const [uncounted, archived] = [await createProduct(world, { stock: 5 }), await createProduct(world, { stock: 5 })]
  const items = [uncounted, archived].map(({ id }) => ({ productId: id, quantity: 1 }))
  const { id } = (await order(world, { type: 'pickup', items })).data
  await world.manager.api.patch(`${world.path}/products/${uncounted.id}`, { stock: null })
  await world.manager.api.delete(`${world.path}/products/${archived.id}`)
  const logged = await followLog(world.stream)
  expect((await setStatus(world, id, 'cancelled')).status).toBe(200)
  expect((await logged()).map((event) => event.type)).toEqual(['order_status_changed'])
  expect(await stockOf(world, uncounted.id)).toBe(null)
})

test('what was not taken does not come back: a product that is counted only since the order keeps its count', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const path = `${world.path}/products/${product.id}`
  const { id } = (await order(world, pieces(product.id, 3))).data
  const { id: other } = (await order(world, pieces(product.id, 3))).data
  await world.manager.api.patch(path, { stock: 10 })
  const change = (quantity: number) => world.staff.api.patch(`${world.path}/orders/${id}`, { items: [{ productId: product.id, quantity }] })
  await change(5)
  expect(await stockOf(world, product.id)).toBe(8)
  await change(1)
  expect(await stockOf(world, product.id)).toBe(10)
  await change(2)
  expect(await stockOf(world, product.id)).toBe(9)
  await setStatus(world, id, 'cancelled')
  await setStatus(world, other, 'rejected')
  expect(await stockOf(world, product.id)).toBe(10)
})

test('a completed order keeps its pieces', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { stock: 3 })
  const { id } = (await order(world, pieces(product.id))).data
  await setStatus(world, id, 'completed')
  expect(await stockOf(world, product.id)).toBe(2)
})

test('orders, cancellations and changes of stock that race keep every piece accounted for', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { stock: 20 })
  const first = await Promise.all(Array.from({ length: 10 }, () => order(world, pieces(product.id, 2))))
  const ids = first.map((answer) => answer.data.id)
  const racing = await Promise.all([
    ...ids.slice(0, 5).map((id) => setStatus(world, id, 'cancelled')),
    ...ids.slice(5).map((id) => world.staff.api.patch(`${world.path}/orders/${id}`, { items: [{ productId: product.id, quantity: 1 }] })),
    ...Array.from({ length: 10 }, () => order(world, pieces(product.id))),
  ])
  const taken = racing.slice(10).filter((answer) => answer.status === 201).length
  expect(racing.slice(0, 10).map((answer) => answer.status)).toEqual(Array(10).fill(200))
  expect(await stockOf(world, product.id)).toBe(20 - 5 - taken)
})
