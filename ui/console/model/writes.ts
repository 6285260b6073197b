import { positionIn, request } from '~/ui/console/model/api'
import type { StoreScope } from '~/ui/console/model/store-scope'
import type { Category } from '~/utils/contracts/category'
import type { Customer } from '~/utils/contracts/customer'
import type { Order } from '~/utils/contracts/order'
import type { OrderStatus } from '~/utils/contracts/order-document'
import type { Product } from '~/utils/contracts/product'
import type { Store } from '~/utils/contracts/store'

/** Writes of a store. The answer is taken into the page's state at once; the event that follows brings nothing new. */

type Scope = Pick<StoreScope, 'storeId' | 'state'>
type Rows = { orders: Order; products: Product; categories: Category; customers: Customer }

export async function write<T>(scope: Scope, method: string, path: string, body?: object) {
  const headers: Record<string, string> = method === 'POST' ? { 'Idempotency-Key': crypto.randomUUID() } : {}
  const answer = await request<T>(method, `/stores/${scope.storeId}${path}`, { headers, ...(body && { body }) })
  return { data: answer.data, position: positionIn(answer.position, `store:${scope.storeId}`) }
}

async function writeRow<K extends keyof Rows>(scope: Scope, kind: K, method: string, path: string, body?: object): Promise<Rows[K]> {
  const { data, position } = await write<Rows[K]>(scope, method, path, body)
  scope.state.learn(kind, [data], position)
  return data
}

/** Creates a row, or changes the one with this id. */
export const saveRow = <K extends keyof Rows>(scope: Scope, kind: K, id: string | undefined, body: object): Promise<Rows[K]> =>
  id ? writeRow(scope, kind, 'PATCH', `/${kind}/${id}`, body) : writeRow(scope, kind, 'POST', `/${kind}`, body)

export async function deleteRow(scope: Scope, kind: keyof Rows, id: string): Promise<void> {
  await write(scope, 'DELETE', `/${kind}/${id}`)
  scope.state.forget(kind, id)
}

export async function saveStore(scope: Scope, body: object): Promise<void> {
  const { data, position } = await write<Store>(scope, 'PATCH', '', body)
  scope.state.learnStore(data, position)
}

export const changeStatus = (scope: Scope, orderId: string, status: OrderStatus, reason?: string): Promise<Order> =>
  writeRow(scope, 'orders', 'POST', `/orders/${orderId}/status`, { status, ...(reason && { reason }) })

/** Books a payment or refund; the order with its new sums is read right after. */
export async function book(scope: Scope, orderId: string, payment: object): Promise<void> {
  await write(scope, 'POST', `/orders/${orderId}/payments`, payment)
  const { data } = await request<Order>('GET', `/stores/${scope.storeId}/orders/${orderId}`)
  scope.state.learn('orders', [data])
}
