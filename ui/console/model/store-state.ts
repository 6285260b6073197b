import type { ApplicationFrame, LoggedFrame } from '~/ui/client/frames'
import { isClosed } from '~/ui/console/model/transitions'
import { onNextFrame } from '~/ui/hooks/next-frame'
import type { Category } from '~/utils/contracts/category'
import type { Customer } from '~/utils/contracts/customer'
import type { Order } from '~/utils/contracts/order'
import type { Product } from '~/utils/contracts/product'
import type { Snapshot } from '~/utils/contracts/snapshot'
import type { Store } from '~/utils/contracts/store'

/**
 * What this page knows of one store. Rows are replaced only by newer versions, so it does not matter which of an event,
 * the answer of an own write and a list brings one first, or how often.
 */

export type StoreData = {
  store: Store
  categories: ReadonlyMap<string, Category>
  products: ReadonlyMap<string, Product>
  /** The open ones, and of the closed ones the latest. */
  orders: ReadonlyMap<string, Order>
  customers: ReadonlyMap<string, Customer>
  /** Orders that came while this page was open and that nobody here has looked at. */
  unseen: ReadonlySet<string>
  /** What was told lately, newest first. */
  feed: readonly LoggedFrame[]
  /** Which orders are over is read after every snapshot; until then nothing is said of them. */
  areClosedKnown: boolean
  /** Counts up when members or presence change: who shows them reads them again. */
  crewRevision: number
}

type Versioned = { id: string; version: number }
export type RowKind = 'categories' | 'products' | 'orders' | 'customers'
export type Rows = { categories: Category; products: Product; orders: Order; customers: Customer }

const maxFeed = 300
const maxClosed = 200

export class StoreState {
  private listeners = new Set<() => void>()
  private value: StoreData | undefined
  /** Archived rows stay away, whatever comes late. */
  private gone = new Set<string>()
  /** Where in the log a row was last heard of, to tell what a snapshot lacks from what it came too early for. */
  private heardAt = new Map<string, { epoch: string; seq: number }>()

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private cancelFrame: (() => void) | undefined

  /** Undefined until the first snapshot. Listeners are told once a frame, however much has changed in it. */
  get = (): StoreData | undefined => this.value

  private set(next: StoreData): void {
    if (next === this.value) return
    this.value = next
    this.cancelFrame ??= onNextFrame(() => {
      this.cancelFrame = undefined
      for (const listener of [...this.listeners]) listener()
    })
  }

  /** Replaces what was known by one consistent read. Answers the open orders that were not known before. */
  load(snapshot: Snapshot): Order[] {
    const before = this.value
    const isLater = (id: string) => {
      const heard = this.heardAt.get(id)
      return heard?.epoch === snapshot.position.epoch && heard.seq > snapshot.position.seq
    }
    const merge = <T extends Versioned>(known: ReadonlyMap<string, T> | undefined, rows: T[]) => {
      const next = new Map(rows.filter((row) => !this.gone.has(row.id)).map((row) => [row.id, row]))
      for (const row of known?.values() ?? []) if (isLater(row.id) && (next.get(row.id)?.version ?? 0) < row.version) next.set(row.id, row)
      return next
    }
    const orders = merge(before?.orders, snapshot.openOrders)
    // The snapshot has open ones only: what was closed before is still so, or it would be in there.
    for (const order of before?.orders.values() ?? []) if (isClosed(order.status) && !orders.has(order.id)) orders.set(order.id, order)
    this.set({
      store: before && isLater(before.store.id) ? newer(before.store, snapshot.store) : snapshot.store,
      categories: merge(before?.categories, snapshot.categories),
      products: merge(before?.products, snapshot.products),
      orders,
      customers: new Map(),
      unseen: new Set([...(before?.unseen ?? [])].filter((id) => orders.get(id)?.status === 'pending')),
      feed: before?.feed ?? [],
      areClosedKnown: before?.areClosedKnown ?? false,
      crewRevision: (before?.crewRevision ?? 0) + 1,
    })
    return before ? snapshot.openOrders.filter((order) => order.status === 'pending' && !before.orders.has(order.id)) : []
  }

  /** Takes rows of a list, or the answer of an own write with its position. */
  learn<K extends RowKind>(kind: K, rows: Rows[K][], position?: { epoch: string; seq: number }): void {
    if (!this.value) return
    let next: StoreData = this.value
    for (const row of rows) {
      if (position) this.heardAt.set(row.id, position)
      next = this.withRow(next, kind, row)
    }
    this.set(next)
  }

  /** The latest orders that are over. */
  learnClosed(orders: Order[]): void {
    this.learn('orders', orders)
    if (this.value && !this.value.areClosedKnown) this.set({ ...this.value, areClosedKnown: true })
  }

  learnStore(store: Store, position?: { epoch: string; seq: number }): void {
    if (!this.value) return
    if (position) this.heardAt.set(store.id, position)
    this.set({ ...this.value, store: newer(this.value.store, store) })
  }

  forget(kind: RowKind, id: string): void {
    this.gone.add(id)
    if (!this.value?.[kind].has(id)) return
    const rows = new Map<string, Versioned>(this.value[kind])
    rows.delete(id)
    this.set({ ...this.value, [kind]: rows })
  }

  /** Applies what the hub told. */
  apply(frame: ApplicationFrame): void {
    if (!this.value) return
    if (!('seq' in frame)) {
      if (frame.type !== 'custom_action') this.crewChanged()
      return
    }
    const subject = subjectOf(frame)
    if (subject) this.heardAt.set(subject, { epoch: frame.epoch, seq: frame.seq })
    this.applyRow(frame)
    this.set({ ...this.value, feed: [frame, ...this.value.feed].slice(0, maxFeed) })
  }

  private applyRow(frame: LoggedFrame): void {
    switch (frame.type) {
      case 'order_created':
      case 'order_updated':
      case 'order_status_changed':
        return this.learn('orders', [frame.data.order])
      case 'product_updated':
        if (frame.data.action === 'deleted') return this.forget('products', frame.data.productId)
        return this.learn('products', [frame.data.product])
      case 'category_updated':
        if (frame.data.action === 'deleted') return this.forget('categories', frame.data.categoryId)
        return this.learn('categories', [frame.data.category])
      case 'customer_created':
      case 'customer_updated':
        if (frame.data.action === 'deleted') return this.forgetCustomer(frame.data.customerId)
        return this.learn('customers', [frame.data.customer])
      case 'store_updated':
        if ('store' in frame.data) return this.learnStore(frame.data.store)
        return this.crewChanged()
    }
  }

  /** The person is gone from its orders too, which keep their version, and from what was told. */
  private forgetCustomer(customerId: string): void {
    this.forget('customers', customerId)
    if (!this.value) return
    const orders = new Map(
      [...this.value.orders].map(([id, order]) => [id, order.customerId === customerId ? { ...order, customerName: null } : order]),
    )
    this.set({ ...this.value, orders, feed: this.value.feed.filter((frame) => !namesCustomer(frame, customerId)) })
  }

  crewChanged(): void {
    if (this.value) this.set({ ...this.value, crewRevision: this.value.crewRevision + 1 })
  }

  /** Older entries of the feed, newest first, as they were read from the log. */
  learnFeed(frames: LoggedFrame[]): void {
    if (!this.value) return
    const known = new Set(this.value.feed.map((frame) => frame.id))
    const merged = [...this.value.feed, ...frames.filter((frame) => !known.has(frame.id))]
    // Ids are UUIDv7: by their time, also across the store's stream and the user's own.
    merged.sort((a, b) => b.id.localeCompare(a.id))
    this.set({ ...this.value, feed: merged.slice(0, maxFeed) })
  }

  markUnseen(orderIds: string[]): void {
    if (!this.value || orderIds.length === 0) return
    this.set({ ...this.value, unseen: new Set([...this.value.unseen, ...orderIds]) })
  }

  markSeen(orderIds: Iterable<string>): void {
    if (!this.value) return
    const unseen = new Set(this.value.unseen)
    for (const id of orderIds) unseen.delete(id)
    if (unseen.size !== this.value.unseen.size) this.set({ ...this.value, unseen })
  }

  private withRow<K extends RowKind>(value: StoreData, kind: K, row: Rows[K]): StoreData {
    const known = value[kind].get(row.id)
    if (this.gone.has(row.id) || (known && known.version >= row.version)) return value
    const rows = new Map<string, Versioned>(value[kind])
    rows.set(row.id, row)
    if (kind !== 'orders') return { ...value, [kind]: rows }
    const orders = withoutOldest(rows as Map<string, Order>)
    if (!('status' in row) || row.status === 'pending' || !value.unseen.has(row.id)) return { ...value, orders }
    const unseen = new Set(value.unseen)
    unseen.delete(row.id)
    return { ...value, orders, unseen }
  }
}

const newer = <T extends Versioned>(known: T, row: T): T => (row.version > known.version ? row : known)

/** Closed orders are kept for the eye only: past a number the oldest go. */
function withoutOldest(orders: Map<string, Order>): Map<string, Order> {
  const closed = [...orders.values()].filter((order) => isClosed(order.status))
  if (closed.length <= maxClosed) return orders
  closed.sort((a, b) => a.updatedAt.localeCompare(b.updatedAt))
  for (const order of closed.slice(0, closed.length - maxClosed)) orders.delete(order.id)
  return orders
}

/** The row that a logged event is about. */
function subjectOf({ data }: LoggedFrame): string | undefined {
  if ('orderId' in data) return data.orderId
  if ('productId' in data) return data.productId
  if ('categoryId' in data) return data.categoryId
  if ('customerId' in data) return data.customerId
  return 'store' in data ? data.store.id : undefined
}

const namesCustomer = ({ data }: LoggedFrame, customerId: string): boolean =>
  ('customerId' in data && data.customerId === customerId) || ('order' in data && data.order.customerId === customerId)
