import { type Answer, ApiClient } from './api'
import { testServer } from './server'

/** Users, stores and their rows, made through the real API. Every call makes fresh ones. */

export type TestUser = { id: string; email: string; password: string; token: string; api: ApiClient }

let counter = 0
export const unique = (prefix: string) => `${prefix}-${process.pid.toString(36)}-${++counter}`

function created<Data>(answer: Answer<Data>, what: string): Data {
  if (answer.status !== 201) throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.data
}

export async function registerUser(firstName = 'Tess', password = 'correct horse battery'): Promise<TestUser> {
  const server = await testServer()
  const email = `${unique(firstName.toLowerCase())}@zipzap.test`
  const data = created(await new ApiClient(server).post('/auth/register', { email, password, firstName, lastName: 'Tester' }), 'register')
  return { id: data.user.id, email, password, token: data.token, api: new ApiClient(server, data.token) }
}

// Argon2 is slow by design: people are shared by all tests of a run, stores are not.
const cast = new Map<string, Promise<TestUser>>()
function actor(name: string): Promise<TestUser> {
  const found = cast.get(name) ?? registerUser(name)
  cast.set(name, found)
  return found
}

export type World = {
  storeId: string
  path: string
  stream: string
  owner: TestUser
  manager: TestUser
  staff: TestUser
  kitchen: TestUser
  stranger: TestUser
}

/** A fresh store with an owner, a manager, staff and kitchen, and somebody who does not belong to it. */
export async function createWorld(store: Record<string, unknown> = {}): Promise<World> {
  const [owner, manager, staff, kitchen, stranger] = await Promise.all([
    actor('Owner'),
    actor('Manager'),
    actor('Staff'),
    actor('Kitchen'),
    actor('Stranger'),
  ])
  const { id } = created(await owner.api.post('/stores', { name: unique('Store'), ...store }), 'store')
  const path = `/stores/${id}`
  for (const [user, role] of [
    [manager, 'manager'],
    [staff, 'staff'],
    [kitchen, 'kitchen'],
  ] as const)
    created(await owner.api.post(`${path}/members`, { email: user.email, role }), `member ${role}`)
  return { storeId: id, path, stream: `store:${id}`, owner, manager, staff, kitchen, stranger }
}

export const createProduct = async (world: World, over: Record<string, unknown> = {}) =>
  created(await world.manager.api.post(`${world.path}/products`, { name: unique('Product'), price: 500, ...over }), 'product')

export const createOrder = async (world: World, productId: string, over: Record<string, unknown> = {}) =>
  created(await world.staff.api.post(`${world.path}/orders`, { type: 'pickup', items: [{ productId, quantity: 1 }], ...over }), 'order')

/** A device of the store with its own client; a kiosk unless said otherwise. */
export async function createDevice(world: World, role = 'kiosk'): Promise<{ id: string; token: string; api: ApiClient }> {
  const { device, token } = created(await world.manager.api.post(`${world.path}/devices`, { name: unique('Device'), role }), 'device')
  return { id: device.userId, token, api: new ApiClient(world.manager.api.server, token) }
}
