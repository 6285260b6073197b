import { expect, test } from 'bun:test'
import { positionOf } from './support/api'
import { followLog } from './support/log'
import { detailPaths, expectForbidden, expectMembersOnly } from './support/refusals'
import { createProduct, createWorld, unique, type World } from './support/world'

const createCategory = async (world: World, over: Record<string, unknown> = {}) => {
  const answer = await world.manager.api.post(`${world.path}/categories`, { name: unique('Category'), ...over })
  expect(answer.status).toBe(201)
  return answer
}

test('a new category is told with all its fields', async () => {
  const world = await createWorld()
  const logged = await followLog(world.stream)
  const made = await createCategory(world, { name: 'Drinks', position: 4 })
  expect(made.data).toEqual({
    id: expect.any(String),
    storeId: world.storeId,
    name: 'Drinks',
    position: 4,
    isActive: true,
    version: 1,
    createdAt: expect.any(String),
    updatedAt: made.data.createdAt,
  })
  expect((await createCategory(world)).data.position).toBe(0)
  const [event] = await logged()
  expect(event).toMatchObject({ type: 'category_updated', seq: positionOf(made, world.stream).seq, subjectId: made.data.id })
  expect(event?.data).toEqual({ action: 'created', categoryId: made.data.id, category: made.data })
  const read = await world.kitchen.api.get(`${world.path}/categories/${made.data.id}`)
  expect([read.status, read.data, read.headers.get('etag')]).toEqual([200, made.data, '"1"'])
})

test('every wrong and unknown field of a category is named', async () => {
  const world = await createWorld()
  const wrong = await world.manager.api.post(`${world.path}/categories`, { name: '', position: -1, isActive: 'yes', colour: 'red' })
  expect([wrong.status, detailPaths(wrong)]).toEqual([422, ['colour', 'isActive', 'name', 'position']])
  const nul = await world.manager.api.post(`${world.path}/categories`, { name: 'a\u0000b' })
  expect([nul.status, detailPaths(nul)]).toEqual([422, ['name']])
})

test('a change makes one version and one event; a PATCH that changes nothing makes neither', async () => {
  const world = await createWorld()
  const { data } = await createCategory(world)
  const path = `${world.path}/categories/${data.id}`
  const logged = await followLog(world.stream)
  const changed = await world.owner.api.patch(path, { name: 'Cold', isActive: false, position: data.position })
  expect([changed.status, changed.data.version, changed.headers.get('etag')]).toEqual([200, 2, '"2"'])
  expect((await world.owner.api.patch(path, { name: 'Cold' })).data).toEqual(changed.data)
  expect((await logged()).map((event) => event.data)).toEqual([
    { action: 'updated', categoryId: data.id, category: changed.data, updatedFields: { name: true, isActive: true } },
  ])
})

test('deleting a category takes its products out of it: each gets a version and an event', async () => {
  const world = await createWorld()
  const { data: category } = await createCategory(world)
  const inIt = [await createProduct(world, { categoryId: category.id }), await createProduct(world, { categoryId: category.id })]
  const apart = await createProduct(world)
  const logged = await followLog(world.stream)
  const deleted = await world.manager.api.delete(`${world.path}/categories/${category.id}`)
  expect([deleted.status, deleted.data.id, deleted.data.version]).toEqual([200, category.id, 2])
  const [first, ...others] = await logged()
  expect(first?.data).toEqual({ action: 'deleted', categoryId: category.id, category: deleted.data })
  expect(others.map((event) => event.type)).toEqual(['product_updated', 'product_updated'])
  for (const product of inIt) {
    const now = (await world.staff.api.get(`${world.path}/products/${product.id}`)).data
    expect([now.categoryId, now.version]).toEqual([null, 2])
    expect(others.find((event) => event.subjectId === product.id)?.data).toEqual({
      action: 'updated',
      productId: product.id,
      product: now,
      updatedFields: { categoryId: true },
    })
  }
  expect(positionOf(deleted, world.stream).seq).toBe(others.at(-1)?.seq ?? -1)
  expect((await world.staff.api.get(`${world.path}/products/${apart.id}`)).data.version).toBe(1)
  expect((await world.staff.api.get(`${world.path}/categories/${category.id}`)).status).toBe(404)
  expect((await world.staff.api.get(`${world.path}/categories`)).data).toEqual([])
  expect((await world.manager.api.delete(`${world.path}/categories/${category.id}`)).status).toBe(404)
})

test('products that join a category while it is deleted either keep out of it or leave it', async () => {
  const world = await createWorld()
  for (let round = 0; round < 5; round++) {
    const { data: category } = await createCategory(world)
    const product = await createProduct(world)
    const [, ...joins] = await Promise.all([
      world.manager.api.delete(`${world.path}/categories/${category.id}`),
      world.manager.api.post(`${world.path}/products`, { name: 'new', price: 1, categoryId: category.id }),
      world.owner.api.patch(`${world.path}/products/${product.id}`, { categoryId: category.id }),
    ])
    for (const join of joins) expect([200, 201, 422]).toContain(join.status)
  }
  const left = (await world.staff.api.get(`${world.path}/products?limit=100`)).data
  expect(left.filter((product: { categoryId: string | null }) => product.categoryId !== null)).toEqual([])
})

test('a stale If-Match is 412, a missing category 404, both before a wrong body is 422', async () => {
  const world = await createWorld()
  const { data } = await createCategory(world)
  const path = `${world.path}/categories/${data.id}`
  const headers = { 'If-Match': '"7"' }
  for (const answer of [await world.manager.api.patch(path, { name: 5 }, { headers }), await world.manager.api.delete(path, { headers })]) {
    expect([answer.status, answer.code]).toEqual([412, 'version_mismatch'])
  }
  expect((await world.manager.api.patch(`${world.path}/categories/${Bun.randomUUIDv7()}`, { name: 5 })).status).toBe(404)
  expect((await world.manager.api.patch(path, { name: 5 }, { headers: { 'If-Match': '"1"' } })).status).toBe(422)
  const raced = await Promise.all(['a', 'b'].map((name) => world.manager.api.patch(path, { name }, { headers: { 'If-Match': '"1"' } })))
  expect(raced.map((answer) => answer.status).sort()).toEqual([200, 412])
})

test('managers write categories, every member reads them, and to strangers they look missing', async () => {
  const world = await createWorld()
  const { data } = await createCategory(world)
  await expectMembersOnly(world, [
    ['GET', '/categories'],
    ['POST', '/categories', { name: 'x' }],
    ['GET', `/categories/${data.id}`],
    ['PATCH', `/categories/${data.id}`, { name: 'x' }],
    ['DELETE', `/categories/${data.id}`],
  ])
  await expectForbidden(
    world,
    [world.staff, world.kitchen],
    [
      ['POST', '/categories', { nonsense: 1 }],
      ['PATCH', `/categories/${data.id}`, { name: 'x' }],
      ['DELETE', `/categories/${data.id}`],
    ],
  )
  const other = await createWorld()
  expect((await other.owner.api.get(`${other.path}/categories/${data.id}`)).status).toBe(404)
  expect((await world.kitchen.api.get(`${world.path}/categories/${data.id}`)).status).toBe(200)
})
