import { expect, test } from 'bun:test'
import { positionOf } from './support/api'
import { followLog } from './support/log'
import { sizes } from './support/modifiers'
import { detailPaths, expectForbidden, expectMembersOnly } from './support/refusals'
import { createProduct, createWorld, unique, type World } from './support/world'

const category = async (world: World) => (await world.manager.api.post(`${world.path}/categories`, { name: unique('Category') })).data

test('a new product keeps every field, and its event carries it whole', async () => {
  const world = await createWorld()
  const { id: categoryId } = await category(world)
  const logged = await followLog(world.stream)
  const fields = {
    name: 'Pizza',
    sku: 'PZ-1',
    description: 'hot',
    categoryId,
    price: 99_999_999_999,
    taxRateBps: 700,
    imageUrl: 'https://img.example/p.png',
    isAvailable: false,
    stock: 5,
    modifierGroups: [sizes],
  }
  const made = await world.manager.api.post(`${world.path}/products`, fields)
  expect([made.status, made.headers.get('etag')]).toEqual([201, '"1"'])
  const own = { id: expect.any(String), storeId: world.storeId, version: 1, createdAt: expect.any(String), updatedAt: made.data.createdAt }
  expect(made.data).toEqual({ ...fields, ...own })
  const [event] = await logged()
  expect(event).toMatchObject({ type: 'product_updated', subjectId: made.data.id, seq: positionOf(made, world.stream).seq })
  expect(event?.data).toEqual({ action: 'created', productId: made.data.id, product: made.data })
  const read = await world.kitchen.api.get(`${world.path}/products/${made.data.id}`)
  expect(read.data).toEqual(made.data)
  expect(positionOf(read, world.stream).seq).toBe(event?.seq ?? -1)
})

test('what is left out of a product is null, available and without modifiers', async () => {
  const world = await createWorld()
  const made = await createProduct(world, { name: 'Plain', price: 0 })
  expect(made).toMatchObject({ categoryId: null, sku: null, description: null, taxRateBps: null, imageUrl: null, isAvailable: true, stock: null })
  expect(made.modifierGroups).toEqual([])
})

test('every wrong and unknown field of a product is named', async () => {
  const world = await createWorld()
  const post = (over: Record<string, unknown>) => world.manager.api.post(`${world.path}/products`, { name: 'V', price: 100, ...over })
  const group = (over: Record<string, unknown>) => [{ ...sizes, ...over }]
  const option = { id: 's', name: 'S', priceDelta: 0 }
  const wrong: [Record<string, unknown>, string[]][] = [
    [{ price: -1, stock: 1.5, isAvailable: 'yes', version: 4, id: Bun.randomUUIDv7() }, ['id', 'isAvailable', 'price', 'stock', 'version']],
    [{ price: 100_000_000_000, taxRateBps: 10_001, imageUrl: 'javascript:alert(1)' }, ['imageUrl', 'price', 'taxRateBps']],
    [{ price: '5', name: null, description: 'x'.repeat(4001) }, ['description', 'name', 'price']],
    [{ modifierGroups: group({ min: 2 }) }, ['modifierGroups.0.min']],
    [{ modifierGroups: group({ min: 3, max: 5 }) }, ['modifierGroups.0.min']],
    [{ modifierGroups: group({ options: [option, option] }) }, ['modifierGroups.0.options']],
    [
      { modifierGroups: group({ options: [{ ...option, priceDelta: 1.5, colour: 'red' }] }) },
      ['modifierGroups.0.options.0.colour', 'modifierGroups.0.options.0.priceDelta'],
    ],
    [{ modifierGroups: [sizes, sizes] }, ['modifierGroups']],
    [{ modifierGroups: Array.from({ length: 21 }, (_, index) => ({ ...sizes, id: String(index) })) }, ['modifierGroups']],
    [{ categoryId: 'nonsense' }, ['categoryId']],
  ]
  for (const [over, paths] of wrong) {
    const answer = await post(over)
    expect([answer.status, answer.code, detailPaths(answer)]).toEqual([422, 'validation_failed', paths])
  }
})

test('the category of a product must be one of the store that is still there', async () => {
  const [world, other] = [await createWorld(), await createWorld()]
  const [foreign, archived] = [await category(other), await category(world)]
  await world.manager.api.delete(`${world.path}/categories/${archived.id}`)
  const product = await createProduct(world)
  const logged = await followLog(world.stream)
  for (const categoryId of [foreign.id, archived.id, Bun.randomUUIDv7()]) {
    const made = await world.manager.api.post(`${world.path}/products`, { name: 'x', price: 1, categoryId })
    const moved = await world.manager.api.patch(`${world.path}/products/${product.id}`, { categoryId, price: 9 })
    for (const answer of [made, moved]) expect([answer.status, detailPaths(answer)]).toEqual([422, ['categoryId']])
    const stale = await world.manager.api.patch(`${world.path}/products/${product.id}`, { categoryId }, { headers: { 'If-Match': '"9"' } })
    expect(stale.status).toBe(412)
    expect((await world.manager.api.patch(`${world.path}/products/${Bun.randomUUIDv7()}`, { categoryId })).status).toBe(404)
  }
  expect(await logged()).toEqual([])
  expect((await world.manager.api.get(`${world.path}/products/${product.id}`)).data).toEqual(product)
})

test('a change makes one version and one event; a PATCH that changes nothing makes neither', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { modifierGroups: [sizes], sku: 'A' })
  const path = `${world.path}/products/${product.id}`
  const logged = await followLog(world.stream)
  const changed = await world.manager.api.patch(path, { price: 1399, modifierGroups: [sizes], sku: null })
  expect(changed.data).toMatchObject({ price: 1399, sku: null, version: 2 })
  expect((await world.manager.api.patch(path, { price: 1399, modifierGroups: [sizes] })).data.version).toBe(2)
  expect((await logged()).map((event) => event.data)).toEqual([
    { action: 'updated', productId: product.id, product: changed.data, updatedFields: { price: true, sku: true } },
  ])
})

test('the zero that JSON can write with a minus changes nothing', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { price: 0, stock: 0 })
  const answer = await world.manager.api.request('PATCH', `${world.path}/products/${product.id}`, { rawBody: '{"price":-0,"stock":-0}' })
  expect([answer.status, answer.data.version]).toEqual([200, 1])
})

test('a field that no product has is a wrong one for everybody, not a missing right', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const answer = await world.kitchen.api.patch(`${world.path}/products/${product.id}`, { stock: 1, colour: 'red' })
  expect([answer.status, detailPaths(answer)]).toEqual([422, ['colour']])
})

test('staff and kitchen change availability and stock only, whatever else the body says', async () => {
  const world = await createWorld()
  const product = await createProduct(world, { stock: 3 })
  const path = `/products/${product.id}`
  for (const user of [world.staff, world.kitchen]) {
    const changed = await user.api.patch(world.path + path, { isAvailable: false, stock: 9 })
    expect([changed.status, changed.data.isAvailable, changed.data.stock]).toEqual([200, false, 9])
    expect((await user.api.patch(world.path + path, { isAvailable: true, stock: null })).data.stock).toBeNull()
    expect((await user.api.patch(world.path + path, { stock: -1 })).status).toBe(422)
  }
  await expectForbidden(
    world,
    [world.staff, world.kitchen],
    [
      ['PATCH', path, { price: 1 }],
      ['PATCH', path, { isAvailable: true, name: 5 }],
      ['POST', '/products', { name: 'x', price: 1 }],
      ['POST', '/products', { nonsense: 1 }],
      ['DELETE', path],
    ],
  )
  expect((await world.manager.api.get(world.path + path)).data.price).toBe(product.price)
})

test('a deleted product leaves lists and GET, and its event says so', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const path = `${world.path}/products/${product.id}`
  const logged = await followLog(world.stream)
  const deleted = await world.manager.api.delete(path)
  expect([deleted.status, deleted.data]).toEqual([200, { ...product, version: 2, updatedAt: expect.any(String) }])
  expect((await logged()).map((event) => event.data)).toEqual([{ action: 'deleted', productId: product.id, product: deleted.data }])
  for (const answer of [await world.manager.api.get(path), await world.manager.api.patch(path, { price: 1 }), await world.manager.api.delete(path)]) {
    expect(answer.status).toBe(404)
  }
  expect((await world.manager.api.get(`${world.path}/products`)).data).toEqual([])
})

test('the list is filtered by category, availability and a plain piece of name or sku', async () => {
  const world = await createWorld()
  const { id: categoryId } = await category(world)
  const soup = await createProduct(world, { name: 'Älpha Soup', categoryId })
  const juice = await createProduct(world, { name: 'Beta 100% Juice', isAvailable: false, sku: 'B_1\\x' })
  const found = async (query: string) => {
    const answer = await world.kitchen.api.get(`${world.path}/products?${query}`)
    expect(answer.status).toBe(200)
    return answer.data.map((product: { id: string }) => product.id)
  }
  expect(await found('')).toEqual([juice.id, soup.id])
  expect(await found(`categoryId=${categoryId}`)).toEqual([soup.id])
  expect(await found(`categoryId=${Bun.randomUUIDv7()}`)).toEqual([])
  expect(await found('available=true')).toEqual([soup.id])
  expect(await found('available=false')).toEqual([juice.id])
  for (const q of ['SOUP', 'älpha', 'ÄLPHA']) expect(await found(`q=${encodeURIComponent(q)}`)).toEqual([soup.id])
  for (const q of ['%', '_', '\\', 'b_1']) expect(await found(`q=${encodeURIComponent(q)}`)).toEqual([juice.id])
  expect(await found('q=')).toEqual([juice.id, soup.id])
  expect(await found(`q=soup&available=false`)).toEqual([])
  for (const query of ['available=maybe', 'categoryId=x', 'q=%00', 'colour=red', 'limit=0']) {
    expect((await world.kitchen.api.get(`${world.path}/products?${query}`)).status).toBe(422)
  }
})

test('a cursor belongs to its store and its filters', async () => {
  const [world, other] = [await createWorld(), await createWorld()]
  for (const name of ['a1', 'a2', 'a3']) await createProduct(world, { name })
  const first = await world.staff.api.get(`${world.path}/products?limit=1&q=a`)
  const cursor = first.body.meta.nextCursor
  const rest = await world.staff.api.get(`${world.path}/products?limit=2&q=a&cursor=${cursor}`)
  expect([...first.data, ...rest.data].map((product: { name: string }) => product.name)).toEqual(['a3', 'a2', 'a1'])
  expect(rest.body.meta).toEqual({ nextCursor: null, limit: 2 })
  for (const url of [
    `${world.path}/products?cursor=${cursor}`,
    `${world.path}/products?q=b&cursor=${cursor}`,
    `${other.path}/products?q=a&cursor=${cursor}`,
  ]) {
    const answer = await world.owner.api.get(url)
    expect([answer.status, answer.code]).toEqual([400, 'invalid_cursor'])
  }
})

test('of changes racing with one If-Match one is made', async () => {
  const world = await createWorld()
  const { id } = await createProduct(world)
  const path = `${world.path}/products/${id}`
  for (let version = 1; version <= 3; version++) {
    const headers = { 'If-Match': `"${version}"` }
    const raced = await Promise.all(['a', 'b', 'c'].map((name) => world.manager.api.patch(path, { name: name + version }, { headers })))
    expect(raced.map((answer) => answer.status).sort()).toEqual([200, 412, 412])
  }
  expect((await world.manager.api.delete(path, { headers: { 'If-Match': '"1"' } })).status).toBe(412)
  expect((await world.manager.api.delete(path, { headers: { 'If-Match': '"4"' } })).status).toBe(200)
})

test('without a session 401, to strangers missing, and a product of another store is not found', async () => {
  const [world, other] = [await createWorld(), await createWorld()]
  const { id } = await createProduct(world)
  await expectMembersOnly(world, [
    ['GET', '/products'],
    ['POST', '/products', { name: 'x', price: 1 }],
    ['GET', `/products/${id}`],
    ['PATCH', `/products/${id}`, { price: 1 }],
    ['DELETE', `/products/${id}`],
  ])
  expect((await other.owner.api.get(`${other.path}/products/${id}`)).status).toBe(404)
  expect((await other.owner.api.delete(`${other.path}/products/${id}`)).status).toBe(404)
})
