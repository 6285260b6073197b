import { describe, expect, test } from 'bun:test'
import type { LoggedFrame } from '~/ui/client/frames'
import { StoreState } from '~/ui/console/model/store-state'
import type { Order } from '~/utils/contracts/order'
import type { Product } from '~/utils/contracts/product'
import type { Snapshot } from '~/utils/contracts/snapshot'

const at = '2026-01-01T12:00:00.000Z'
const epoch = 'one'

const store: Snapshot['store'] = {
  id: 'store',
  name: 'Store',
  slug: null,
  timezone: 'UTC',
  currency: 'EUR',
  taxRateBps: 0,
  pricesIncludeTax: false,
  phone: null,
  address: null,
  isOpen: true,
  prepMinutes: 15,
  version: 1,
  createdAt: at,
  updatedAt: at,
}

const product = (id: string, version: number, name = id): Product => ({
  id,
  storeId: 'store',
  categoryId: null,
  name,
  sku: null,
  description: null,
  price: 100,
  taxRateBps: null,
  imageUrl: null,
  isAvailable: true,
  stock: null,
  modifierGroups: [],
  version,
  createdAt: at,
  updatedAt: at,
})

const order = (id: string, version: number, over: Partial<Order> = {}): Order => ({
  id,
  storeId: 'store',
  orderNumber: id,
  type: 'pickup',
  source: null,
  status: 'pending',
  paymentStatus: 'unpaid',
  currency: 'EUR',
  pricesIncludeTax: false,
  items: [],
  subtotal: 0,
  discount: 0,
  tax: 0,
  tip: 0,
  deliveryFee: 0,
  serviceCharge: 0,
  total: 0,
  amountPaid: 0,
  customerId: null,
  customerName: null,
  tableNumber: null,
  deliveryAddress: null,
  requestedFor: null,
  note: null,
  trackingToken: null,
  statusHistory: [],
  version,
  createdAt: at,
  updatedAt: at,
  ...over,
})

const snapshot = (seq: number, over: Partial<Snapshot> = {}): Snapshot => ({
  store,
  categories: [],
  products: [],
  openOrders: [],
  position: { stream: 'store:store', epoch, seq },
  ...over,
})

const logged = (seq: number) => ({ timestamp: at, id: `event-${seq}`, stream: 'store:store' as const, storeId: 'store', epoch, seq })
const told = (seq: number, changed: Order): LoggedFrame => {
  const { id: orderId, orderNumber, status, items } = changed
  return { ...logged(seq), type: 'order_updated', data: { action: 'updated', orderId, orderNumber, status, items, order: changed } }
}
const dropped = (seq: number, gone: Product): LoggedFrame => ({
  ...logged(seq),
  type: 'product_updated',
  data: { action: 'deleted', productId: gone.id, product: gone },
})

const loaded = (first: Snapshot): StoreState => {
  const state = new StoreState()
  state.load(first)
  return state
}
const statuses = (state: StoreState) => [...(state.get()?.orders.values() ?? [])].map((each) => `${each.id} ${each.status} ${each.version}`).sort()

describe('what a page knows of a store', () => {
  test('is the newest version, in whatever order and however often it is told', () => {
    const state = loaded(snapshot(1, { openOrders: [order('a', 1)] }))
    state.apply(told(3, order('a', 3, { status: 'preparing' })))
    state.apply(told(2, order('a', 2, { status: 'confirmed' })))
    state.learn('orders', [order('a', 3, { status: 'preparing' })], { epoch, seq: 3 })
    expect(statuses(state)).toEqual(['a preparing 3'])
  })

  test('keeps what a snapshot came too early for', () => {
    const state = loaded(snapshot(1))
    state.learn('orders', [order('own', 1)], { epoch, seq: 9 })
    state.load(snapshot(8))
    expect(statuses(state)).toEqual(['own pending 1'])
    state.load(snapshot(10))
    expect(statuses(state)).toEqual([])
  })

  test('is replaced whole by the snapshot of another log', () => {
    const state = loaded(snapshot(50, { openOrders: [order('a', 7)], products: [product('p', 9)] }))
    state.apply(told(51, order('a', 8)))
    state.load({ ...snapshot(3, { openOrders: [order('b', 1)] }), position: { stream: 'store:store', epoch: 'two', seq: 3 } })
    expect(statuses(state)).toEqual(['b pending 1'])
    expect(state.get()?.products.size).toBe(0)
  })

  test('keeps closed orders over a snapshot, which has open ones only', () => {
    const state = loaded(snapshot(1, { openOrders: [order('a', 1)] }))
    state.apply(told(2, order('a', 2, { status: 'completed' })))
    state.load(snapshot(5, { openOrders: [order('b', 1)] }))
    expect(statuses(state)).toEqual(['a completed 2', 'b pending 1'])
  })

  test('does not bring back what was deleted', () => {
    const state = loaded(snapshot(1, { products: [product('p', 1)] }))
    state.apply(dropped(2, product('p', 2)))
    state.learn('products', [product('p', 1)])
    expect(state.get()?.products.size).toBe(0)
  })

  test('takes a deleted customer out of its orders, which keep their version', () => {
    const state = loaded(snapshot(1, { openOrders: [order('a', 4, { customerId: 'c', customerName: 'Elena' }), order('b', 1)] }))
    const customer = { id: 'c', storeId: 'store', firstName: 'Deleted customer', lastName: null, phone: null, email: null, note: null }
    state.apply({
      ...logged(2),
      type: 'customer_updated',
      data: {
        action: 'deleted',
        customerId: 'c',
        customerName: 'Deleted customer',
        customer: { ...customer, version: 2, createdAt: at, updatedAt: at },
      },
    })
    expect(state.get()?.orders.get('a')).toMatchObject({ customerName: null, version: 4 })
  })

  test('marks new orders until they are seen or move on', () => {
    const state = loaded(snapshot(1, { openOrders: [order('a', 1), order('b', 1), order('c', 1)] }))
    state.markUnseen(['a', 'b', 'c'])
    state.markSeen(['a'])
    state.apply(told(2, order('b', 2, { status: 'confirmed' })))
    expect([...(state.get()?.unseen ?? [])]).toEqual(['c'])
  })

  test('names the orders that a later snapshot brought', () => {
    const state = loaded(snapshot(1, { openOrders: [order('a', 1)] }))
    const news = state.load(snapshot(9, { openOrders: [order('a', 1), order('b', 1), order('c', 2, { status: 'ready' })] }))
    expect(news.map((each) => each.id)).toEqual(['b'])
  })
})
