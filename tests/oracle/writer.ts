import type { ApiClient } from '../support/api'
import type { Chance } from './random'

/** Random writes to one store by whoever may make them. What is refused is refused: the log tells what happened. */

export type Person = { id: string; email: string; token: string }
export type Shop = { id: string; owner: Person; members: Person[]; kiosks: Person[] }

type Pools = { categories: string[]; products: string[]; customers: string[]; orders: string[] }

const statuses = ['confirmed', 'preparing', 'ready', 'completed', 'cancelled', 'rejected']

export class Writer {
  writes = 0
  private readonly pools: Pools = { categories: [], products: [], customers: [], orders: [] }

  constructor(
    private readonly shop: Shop,
    private readonly chance: Chance,
    private readonly api: (token: string) => ApiClient,
  ) {}

  private get owner(): ApiClient {
    return this.api(this.shop.owner.token)
  }

  private path(rest: string): string {
    return `/stores/${this.shop.id}${rest}`
  }

  /** One write; a connection that breaks is the server's death, not a fault, and its successor needs a moment. */
  async write(): Promise<void> {
    const act = this.chance.pick(this.acts)
    try {
      await act()
      this.writes += 1
    } catch {
      await Bun.sleep(100)
    }
  }

  /** By frequency. */
  private readonly acts: (() => Promise<unknown>)[] = [
    ...Array<() => Promise<unknown>>(5).fill(() => this.order()),
    ...Array<() => Promise<unknown>>(6).fill(() => this.changeStatus()),
    ...Array<() => Promise<unknown>>(2).fill(() => this.pay()),
    ...Array<() => Promise<unknown>>(3).fill(() =>
      this.resource('products', { price: this.chance.below(5_000), stock: this.chance.pick([null, 5, 500]) }),
    ),
    ...Array<() => Promise<unknown>>(2).fill(() => this.resource('categories', { position: this.chance.below(100) })),
    ...Array<() => Promise<unknown>>(2).fill(() => this.resource('customers', { note: `n${this.chance.below(1e6)}` })),
    () => this.patchOrder(),
    () => this.owner.patch(this.path(''), { prepMinutes: 1 + this.chance.below(60) }),
    () => this.owner.post(this.path('/notifications'), { message: 'Hello', level: 'info' }),
    () => this.changeMember(),
    () => this.api(this.chance.pick(this.shop.members).token).patch('/users/profile', { firstName: `P${this.chance.below(1e6)}` }),
  ]

  /** Makes, changes or deletes one of a collection. */
  private async resource(collection: 'categories' | 'products' | 'customers', change: Record<string, unknown>): Promise<void> {
    const pool = this.pools[collection]
    const roll = this.chance.next()
    if (pool.length < 3 || roll < 0.3) {
      const named = collection === 'customers' ? { firstName: 'Cleo', lastName: `${this.chance.below(1e6)}` } : { name: `N${this.chance.below(1e6)}` }
      const categoryId = collection === 'products' && this.pools.categories.length > 0 ? { categoryId: this.chance.pick(this.pools.categories) } : {}
      const { status, data } = await this.owner.post(this.path(`/${collection}`), { ...named, ...change, ...categoryId })
      if (status === 201) pool.push(data.id)
    } else if (roll < 0.4 && pool.length > 5) {
      const [id] = pool.splice(this.chance.below(pool.length), 1)
      await this.owner.delete(this.path(`/${collection}/${id}`))
    } else await this.owner.patch(this.path(`/${collection}/${this.chance.pick(pool)}`), change)
  }

  private async order(): Promise<void> {
    const { products, customers, orders } = this.pools
    if (products.length === 0) return
    const items = Array.from({ length: 1 + this.chance.below(3) }, () => ({
      productId: this.chance.pick(products),
      quantity: 1 + this.chance.below(2),
    }))
    const type = this.chance.pick(['pickup', 'delivery', 'dine_in'])
    const isKiosk = this.chance.next() < 0.2 && this.shop.kiosks.length > 0
    const api = isKiosk ? this.api(this.chance.pick(this.shop.kiosks).token) : this.owner
    const customer = !isKiosk && customers.length > 0 && this.chance.next() < 0.4 ? { customerId: this.chance.pick(customers) } : {}
    const address = type === 'delivery' ? { deliveryAddress: 'Somewhere 1' } : {}
    const { status, data } = await api.post(this.path('/orders'), { type, items, ...customer, ...address })
    if (status === 201) orders.push(data.id)
    if (orders.length > 200) orders.shift()
  }

  private async changeStatus(): Promise<void> {
    if (this.pools.orders.length === 0) return
    await this.owner.post(this.path(`/orders/${this.chance.pick(this.pools.orders)}/status`), { status: this.chance.pick(statuses) })
  }

  private async patchOrder(): Promise<void> {
    if (this.pools.orders.length === 0) return
    await this.owner.patch(this.path(`/orders/${this.chance.pick(this.pools.orders)}`), {
      note: `n${this.chance.below(1e6)}`,
      tip: this.chance.below(300),
    })
  }

  private async pay(): Promise<void> {
    if (this.pools.orders.length === 0) return
    const payment = { kind: this.chance.pick(['payment', 'payment', 'refund']), method: 'cash', amount: 1 + this.chance.below(900) }
    await this.owner.post(this.path(`/orders/${this.chance.pick(this.pools.orders)}/payments`), payment)
  }

  private async changeMember(): Promise<void> {
    const { id, email } = this.chance.pick(this.shop.members)
    const role = this.chance.pick(['manager', 'staff', 'kitchen'])
    if (this.chance.next() < 0.3) await this.owner.delete(this.path(`/members/${id}`))
    else if ((await this.owner.patch(this.path(`/members/${id}`), { role })).status === 404)
      await this.owner.post(this.path('/members'), { email, role })
  }
}
