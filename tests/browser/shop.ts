import { ApiClient } from '../support/api'

/** A small shop, made through the API: who works there, and what it sells. */

export type Person = { id: string; email: string; password: string; api: ApiClient }
export type Shop = { id: string; path: string; owner: Person; staff: Person; products: { id: string; name: string }[] }

const password = 'correct horse battery'

async function register(api: ApiClient, firstName: string, lastName: string): Promise<Person> {
  const email = `${firstName.toLowerCase()}@shop.test`
  const { data, status } = await api.post('/auth/register', { email, password, firstName, lastName })
  if (status !== 201) throw new Error(`register ${email}: ${status}`)
  return { id: data.user.id, email, password, api: new ApiClient(api.server, data.token) }
}

const size = {
  id: 'size',
  name: 'Size',
  min: 1,
  max: 1,
  options: [
    { id: 'regular', name: 'Regular', priceDelta: 0 },
    { id: 'large', name: 'Large', priceDelta: 250 },
  ],
}
const extras = {
  id: 'extras',
  name: 'Extras',
  min: 0,
  max: 2,
  options: [
    { id: 'cheese', name: 'Extra cheese', priceDelta: 150 },
    { id: 'olives', name: 'Olives', priceDelta: 100 },
    { id: 'basil', name: 'No basil', priceDelta: 0 },
  ],
}

const menu = [
  ['Pizza', 'Margherita', 950, { modifierGroups: [size, extras], description: 'Tomato, mozzarella, basil' }],
  ['Pizza', 'Quattro formaggi', 1250, { modifierGroups: [size] }],
  ['Pizza', 'Marinara', 850, { modifierGroups: [size, extras] }],
  ['Bowls', 'Miso ramen', 1390, {}],
  ['Bowls', 'Green curry with jasmine rice', 1290, {}],
  ['Bowls', 'Bibimbap', 1320, { stock: 4 }],
  ['Drinks', 'Lemonade', 390, { sku: 'D-01' }],
  ['Drinks', 'Espresso', 240, {}],
  ['Drinks', 'Craft beer', 480, { isAvailable: false }],
] as const

/** Everything here is created one after the other: names, numbers and times are the same in every run. */
export async function openShop(api: ApiClient): Promise<Shop> {
  const owner = await register(api, 'Olivia', 'Owens')
  const staff = await register(api, 'Sofia', 'Larsen')
  const store = {
    name: 'Corner Kitchen',
    currency: 'EUR',
    timezone: 'Europe/Berlin',
    taxRateBps: 1900,
    pricesIncludeTax: true,
    address: '12 Market Street',
  }
  const { data: created } = await owner.api.post('/stores', store)
  const path = `/stores/${created.id}`
  await owner.api.patch(path, { prepMinutes: 15 })
  await owner.api.post(`${path}/members`, { email: staff.email, role: 'staff' })
  const categories = new Map<string, string>()
  const products: Shop['products'] = []
  for (const [category, name, price, rest] of menu) {
    const categoryId = categories.get(category) ?? (await owner.api.post(`${path}/categories`, { name: category, position: categories.size })).data.id
    categories.set(category, categoryId)
    const { data } = await owner.api.post(`${path}/products`, { name, price, categoryId, ...rest })
    products.push({ id: data.id, name })
  }
  return { id: created.id, path, owner, staff, products }
}

export type NewOrder = { items: [name: string, quantity: number][]; [field: string]: unknown }

/** Takes an order; products with choices get the first of each that is needed. */
export async function takeOrder(shop: Shop, { items, ...rest }: NewOrder) {
  const lines = items.map(([name, quantity]) => {
    const product = shop.products.find((each) => each.name === name)
    const needsSize = menu.some(([, each, , fields]) => each === name && 'modifierGroups' in fields)
    return { productId: product?.id, quantity, ...(needsSize && { modifiers: [{ groupId: 'size', optionId: 'regular' }] }) }
  })
  const { data, status, body } = await shop.staff.api.post(`${shop.path}/orders`, { type: 'pickup', items: lines, ...rest })
  if (status !== 201) throw new Error(`order: ${status} ${JSON.stringify(body)}`)
  return data
}

export const moveOrder = (shop: Shop, id: string, status: string) => shop.owner.api.post(`${shop.path}/orders/${id}/status`, { status })

/** The open orders as REST has them, in the form of `ordersOn`. */
export async function openOrders(shop: Shop): Promise<string[]> {
  const { data } = await shop.owner.api.get(`${shop.path}/orders?status=pending,confirmed,preparing,ready&limit=100`)
  return data.map((order: { orderNumber: string; status: string }) => `${order.orderNumber} ${order.status}`).sort()
}

/** What the store's log tells of orders, in its order. */
export async function eventsOf(shop: Shop): Promise<string[]> {
  const { data } = await shop.owner.api.get(`${shop.path}/events?limit=1000&types=order_created,order_updated,order_status_changed`)
  return data.map((event: LoggedOrder) => `${event.data.orderNumber} ${event.type} ${event.data.status}`)
}

type LoggedOrder = { type: string; data: { orderNumber: string; status: string } }
