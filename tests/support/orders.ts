import type { World } from './world'

/** Orders as the tests of orders send them, and the modifiers of their pizza. */

export const sizes = {
  id: 'size',
  name: 'Size',
  min: 1,
  max: 1,
  options: [
    { id: 's', name: 'Small', priceDelta: -50 },
    { id: 'l', name: 'Large', priceDelta: 150 },
  ],
}
export const extras = {
  id: 'extra',
  name: 'Extras',
  min: 0,
  max: 2,
  options: [
    { id: 'x', name: 'Cheese', priceDelta: 20 },
    { id: 'y', name: 'Olives', priceDelta: 30 },
    { id: 'z', name: 'Nothing on it', priceDelta: -700 },
  ],
}

export const orderOf = (productId: string, over: Record<string, unknown> = {}) => ({ type: 'pickup', items: [{ productId, quantity: 1 }], ...over })
export const postOrder = (world: World, body: unknown, headers: Record<string, string> = {}) =>
  world.staff.api.post(`${world.path}/orders`, body, { headers })
export const createCustomer = async (world: World, over: Record<string, unknown> = {}) =>
  (await world.staff.api.post(`${world.path}/customers`, { firstName: 'Nora', lastName: 'Nett', phone: '+49 30 99', ...over })).data
