import { observeCommits } from '~/db/events'
import type { Restaurant } from './seed'

/**
 * The owner's screen: a WebSocket client that prints each frame as it arrives, with the time since COMMIT returned.
 * Server and client share a process, so both ends are read from one monotonic clock.
 */

type Frame = { type: string; id?: string; seq?: number; data: Record<string, unknown> }

export type Watch = {
  /** Milliseconds from commit to arrival of every event so far. */
  latencies: number[]
  /** Resolves when everything sent before this call has arrived: frames keep their order. */
  settled(): Promise<void>
  close(): void
}

export async function watch(url: string, restaurant: Restaurant): Promise<Watch> {
  const committedAt = new Map<string, number>()
  observeCommits((events, at) => {
    for (const event of events) if (event.stream === `store:${restaurant.storeId}`) committedAt.set(event.id, at)
  })
  const latencies: number[] = []
  const live = Promise.withResolvers<void>()
  let onPong = () => {}
  const { userId, api } = restaurant.people.owner
  const socket = new WebSocket(url)
  socket.addEventListener('open', () =>
    socket.send(JSON.stringify({ type: 'authenticate', data: { userId, storeId: restaurant.storeId, token: api.token } })),
  )
  socket.addEventListener('message', (message) => {
    const arrivedAt = performance.now()
    const frame = frameOf(JSON.parse(String(message.data)))
    const since = frame.id === undefined ? undefined : committedAt.get(frame.id)
    if (frame.id !== undefined) committedAt.delete(frame.id)
    if (frame.type === 'sync' && frame.data.live === true) live.resolve()
    if (frame.type === 'error') live.reject(new Error(String(frame.data.message)))
    if (since !== undefined) latencies.push(arrivedAt - since)
    if (frame.type === 'pong') return onPong()
    if (frame.type !== 'sync') print(frame, since === undefined ? undefined : arrivedAt - since)
  })
  socket.addEventListener('close', (event) => live.reject(new Error(`the socket closed with ${event.code}`)))
  await live.promise
  return {
    latencies,
    settled: () =>
      new Promise<void>((resolve) => {
        onPong = resolve
        socket.send(JSON.stringify({ type: 'ping' }))
      }),
    close() {
      observeCommits(undefined)
      socket.close(1000)
    },
  }
}

/** What the hub sends has this form; AsyncAPI describes it. */
const frameOf = (json: unknown) => json as Frame

function print(frame: Frame, latencyMs: number | undefined): void {
  const seq = frame.seq === undefined ? '' : `#${frame.seq}`
  const latency = latencyMs === undefined ? '' : `${latencyMs.toFixed(2)} ms`
  console.log(`${latency.padStart(10)}  ${seq.padStart(6)}  ${frame.type.padEnd(21)} ${describe(frame)}`)
}

function describe({ type, data }: Frame): string {
  if (type === 'order_created') return `order ${data.orderNumber}: ${total(data.order)}`
  if (type === 'order_status_changed') return `order ${data.orderNumber}: ${data.previousStatus} → ${data.status}`
  if (type === 'order_updated') return `order ${data.orderNumber}: ${paid(data.order)}`
  if (type === 'product_updated') return stock(data.product)
  if (type.startsWith('customer_')) return String(data.customerName)
  if (type.startsWith('user_')) return `${data.name} (${data.onlineUsers} online)`
  return String(data.message ?? '')
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const money = (value: unknown) => (typeof value === 'number' ? (value / 100).toFixed(2) : '?')
const total = (order: unknown) => (isRecord(order) ? `${order.type}, ${money(order.total)} ${order.currency}` : '')
const paid = (order: unknown) => (isRecord(order) ? `${order.paymentStatus}, ${money(order.amountPaid)} of ${money(order.total)}` : '')
const stock = (product: unknown) =>
  isRecord(product) ? `${product.name}: ${product.isAvailable ? 'on' : 'off'} the menu, ${product.stock ?? 'uncounted'} in stock` : ''
