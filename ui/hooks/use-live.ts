import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useContext, useEffect, useSyncExternalStore } from 'react'
import type { LoggedFrame } from '~/ui/client/frames'
import type { OutboxSnapshot, PendingWrite } from '~/ui/client/outbox'
import { followStore } from '~/ui/hooks/follow-store'
import { type Change, type LiveList, useLiveList } from '~/ui/hooks/live-list'
import { useConnection, useView } from '~/ui/hooks/use-websocket'
import { WebSocketContext } from '~/ui/hooks/websocket-context'
import type { Customer } from '~/utils/contracts/customer'
import type { Order } from '~/utils/contracts/order'
import type { OrderStatus, OrderType } from '~/utils/contracts/order-document'
import type { PresentUser } from '~/utils/contracts/presence'
import type { Product } from '~/utils/contracts/product'

/** Live data of a store on TanStack Query: read once, then kept exact by the events, through any outage. */

export type OrderFilter = {
  /** The open ones when left out. */
  status?: readonly OrderStatus[]
  type?: OrderType
  customerId?: string
  /** At most so many, the newest. */
  limit?: number
}

const open: readonly OrderStatus[] = ['pending', 'confirmed', 'preparing', 'ready']
const defaultLimit = 500

export type LiveOrders = LiveList<Order> & {
  /** Writes to this store's orders that are not known to be done. */
  pending: readonly PendingWrite[]
}

export function useLiveOrders(storeId: string, filter: OrderFilter = {}): LiveOrders {
  const { type, customerId, limit = defaultLimit } = filter
  const status = filter.status?.length ? filter.status : open
  const list = useLiveList<Order>({
    storeId,
    limit,
    queryKey: liveKey(storeId, 'orders', { status, type, customerId, limit }),
    read: (rest) =>
      rest.readAll(
        'GET /stores/{storeId}/orders',
        { params: { storeId }, query: { status: [...status], ...(type && { type }), ...(customerId && { customerId }) } },
        limit,
      ),
    changeOf(frame, rows): Change<Order> {
      if ('order' in frame.data) {
        const row = frame.data.order
        const isIn = status.includes(row.status) && (!type || row.type === type) && (!customerId || row.customerId === customerId)
        return { row, isIn }
      }
      // The customer's name is taken out of the orders without an event of theirs.
      const anonymised = frame.type === 'customer_updated' && frame.data.action === 'deleted' ? frame.data.customerId : undefined
      return anonymised && rows.some((row) => row.customerId === anonymised) ? 'reread' : undefined
    },
  })
  const pending = usePendingWrites().pending.filter(
    (write) => write.params.storeId === storeId && write.route.startsWith('POST /stores/{storeId}/orders'),
  )
  return { ...list, pending }
}

export type ProductFilter = { categoryId?: string; available?: boolean; limit?: number }

export function useLiveProducts(storeId: string, { categoryId, available, limit = defaultLimit }: ProductFilter = {}): LiveList<Product> {
  return useLiveList<Product>({
    storeId,
    limit,
    queryKey: liveKey(storeId, 'products', { categoryId, available, limit }),
    read: (rest) =>
      rest.readAll(
        'GET /stores/{storeId}/products',
        {
          params: { storeId },
          query: { ...(categoryId && { categoryId }), ...(available !== undefined && { available: available ? 'true' : 'false' }) },
        },
        limit,
      ),
    changeOf(frame): Change<Product> {
      if (frame.type !== 'product_updated') return undefined
      const { action, product: row } = frame.data
      const fits = (!categoryId || row.categoryId === categoryId) && (available === undefined || row.isAvailable === available)
      return { row, isIn: action !== 'deleted' && fits }
    },
  })
}

export function useLiveCustomers(storeId: string, { limit = defaultLimit }: { limit?: number } = {}): LiveList<Customer> {
  return useLiveList<Customer>({
    storeId,
    limit,
    queryKey: liveKey(storeId, 'customers', { limit }),
    read: (rest) => rest.readAll('GET /stores/{storeId}/customers', { params: { storeId } }, limit),
    changeOf(frame: LoggedFrame): Change<Customer> {
      if (frame.type !== 'customer_created' && frame.type !== 'customer_updated') return undefined
      return { row: frame.data.customer, isIn: frame.data.action !== 'deleted' }
    },
  })
}

export type Presence = { data: readonly PresentUser[] | undefined; isLive: boolean }

/** Who is online in the store, over all of its sockets. */
export function usePresence(storeId: string): Presence {
  const connection = useConnection({})
  const queries = useQueryClient()
  const { isConnected } = useView(connection)
  const { data } = useQuery({
    queryKey: liveKey(storeId, 'presence'),
    queryFn: async () => (await connection.rest.call('GET /stores/{storeId}/presence', { params: { storeId } })).data,
    staleTime: Number.POSITIVE_INFINITY,
    networkMode: 'always',
    refetchOnMount: 'always',
  })
  useEffect(() => {
    const { client } = connection
    // A first read that is under way is no answer to what happened since: left alone, it would be taken for the new one.
    const reread = async () => {
      const queryKey = liveKey(storeId, 'presence')
      await queries.cancelQueries({ queryKey })
      await queries.invalidateQueries({ queryKey })
    }
    const look = (frame: { storeId: string }) => frame.storeId === storeId && void reread()
    const ends = [followStore(connection, storeId), client.on('user_joined', look), client.on('user_left', look)]
    // Coming and going is not logged: what was missed while the socket was away is read.
    if (isConnected) void reread()
    return () => {
      for (const end of ends) end()
    }
  }, [connection, queries, storeId, isConnected])
  return { data, isLive: isConnected && data !== undefined }
}

const nothing: OutboxSnapshot = { pending: [], failed: [] }
const getNothing = () => nothing
const subscribeToNothing = () => () => {}

/** The writes of the provider's outbox that wait or have failed. */
export function usePendingWrites(): OutboxSnapshot {
  const outbox = useContext(WebSocketContext)?.outbox
  return useSyncExternalStore(outbox?.subscribe ?? subscribeToNothing, outbox?.getSnapshot ?? getNothing, getNothing)
}

/** The key of a live query in the cache. Clear everything under `['zipzap']` when another user signs in. */
export const liveKey = (storeId: string, name: 'orders' | 'products' | 'customers' | 'presence', filter: object = {}) =>
  ['zipzap', storeId, name, filter] as const
