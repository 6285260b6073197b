import type { World } from './world'

/** Orders as the tests of orders send them. */

export const orderOf = (productId: string, over: Record<string, unknown> = {}) => ({ type: 'pickup', items: [{ productId, quantity: 1 }], ...over })
export const postOrder = (world: World, body: unknown, headers: Record<string, string> = {}) =>
  world.staff.api.post(`${world.path}/orders`, body, { headers })
export const createCustomer = async (world: World, over: Record<string, unknown> = {}) =>
  (await world.staff.api.post(`${world.path}/customers`, { firstName: 'Nora', lastName: 'Nett', phone: '+49 30 99', ...over })).data
