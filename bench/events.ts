import { post, storeOf } from './fleet'
import type { BenchServer } from './servers'
import { type SocketGroup, wires } from './wires'

/**
 * The two events that are delivered: a short one of about 400 bytes, and a change of status of an order of four lines.
 * ZipZap writes them; its peers send the same bytes, frame by frame, without writing anything.
 */

export const eventKinds = ['notification', 'status'] as const
export type EventKind = (typeof eventKinds)[number]

/** Makes one event happen, again and again; resolves when the server has answered, with the bytes that each socket gets. */
export type Sender = () => Promise<number>

const typeOf = { notification: 'general_notification', status: 'order_status_changed' }
/** What makes a frame of about 400 bytes of the notification around it. */
const message = 'x'.repeat(28)
const statusesInTurn = ['confirmed', 'preparing', 'ready', 'completed']

/** Orders that wait for their four changes; made before anybody listens, since their making is an event too. */
export class Orders {
  private readonly ids: string[] = []
  private readonly moving: { id: string; step: number; isBusy: boolean }[] = []

  constructor(private readonly server: BenchServer) {}

  /** So many changes can be made. */
  async stock(changes: number): Promise<void> {
    const { productIds = [] } = storeOf(this.server) ?? {}
    const items = productIds.slice(0, 4).map((productId, index) => ({ productId, quantity: index + 1 }))
    const make = async () => {
      while (this.ids.length * statusesInTurn.length < changes) {
        const { id } = await post<{ id: string }>(this.server, '/orders', { type: 'pickup', note: 'No onions', items })
        this.ids.push(id)
      }
    }
    await Promise.all(Array.from({ length: 8 }, make))
  }

  async change(): Promise<void> {
    const order = this.moving.find(({ isBusy }) => !isBusy) ?? this.next()
    order.isBusy = true
    await post(this.server, `/orders/${order.id}/status`, { status: statusesInTurn[order.step] })
    order.step += 1
    order.isBusy = false
    if (order.step === statusesInTurn.length) this.moving.splice(this.moving.indexOf(order), 1)
  }

  private next() {
    const id = this.ids.pop()
    if (!id) throw new Error('all orders are completed')
    const order = { id, step: 0, isBusy: false }
    this.moving.push(order)
    return order
  }
}

/** What makes ZipZap tell one of them, as a frame of its own; its bytes are not asked for. */
export const senderOf = (server: BenchServer, kind: EventKind, orders: Orders): Sender =>
  kind === 'status' ? () => orders.change().then(() => 0) : () => post(server, '/notifications', { message, level: 'info' }).then(() => 0)

/** What makes a peer send the frames, one after another. */
export function replay(server: BenchServer, frames: string[]): Sender {
  let next = 0
  return async () => {
    const frame = frames[next++ % frames.length] ?? ''
    await server.publish?.(frame)
    const length = Buffer.byteLength(frame)
    return server.wire === 'nats' ? `MSG all 1 ${length}\r\n\r\n`.length + length : length
  }
}

/** The frames as ZipZap sends them: one notification, and the four changes of an order. */
export async function captureFrames(server: BenchServer, group: SocketGroup): Promise<Record<EventKind, string[]>> {
  const frames: Record<EventKind, string[]> = { notification: [], status: [] }
  const orders = new Orders(server)
  await orders.stock(statusesInTurn.length)
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${wires.zipzap.path(group)}`)
  const [isLive, isComplete] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  socket.onerror = () => isLive.reject(new Error('the frames could not be captured'))
  const { userId, token, storeId } = group
  socket.onopen = () => socket.send(JSON.stringify({ type: 'authenticate', data: { userId, token, storeId } }))
  socket.onmessage = ({ data }) => {
    const { type, seq } = JSON.parse(data) as { type: string; seq?: number }
    if (type === 'sync') isLive.resolve()
    for (const kind of eventKinds) if (seq !== undefined && type === typeOf[kind]) frames[kind].push(data)
    if (frames.notification.length === 1 && frames.status.length === statusesInTurn.length) isComplete.resolve()
  }
  await isLive.promise
  await senderOf(server, 'notification', orders)()
  for (const _ of statusesInTurn) await senderOf(server, 'status', orders)()
  await isComplete.promise
  socket.close()
  return frames
}

export const meanBytes = (frames: string[]): number => frames.reduce((sum, frame) => sum + Buffer.byteLength(frame), 0) / frames.length
