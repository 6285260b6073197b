import { eq } from 'drizzle-orm'
import { emitOrder, getOrder, lockOrder, type OrderRow, orderFor, toOrder } from '~/controllers/order.controllers'
import { emitStock, lockCounted, moveStock } from '~/controllers/order-stock.controllers'
import { type Emit, withEvents } from '~/db/events'
import { orders } from '~/db/schema'
import type { Transaction } from '~/db/session'
import { builder, Statement, slot, slotsOf } from '~/db/statement'
import { crew, type Member, managers, staffAndUp } from '~/utils/actor'
import type { Role } from '~/utils/contracts/common'
import type { ChangeStatus } from '~/utils/contracts/order'
import { type OrderStatus, orderStatusSchema, type StatusChange } from '~/utils/contracts/order-document'
import { conflict, forbidden } from '~/utils/errors'
import { wsManager } from '~/utils/websocket'

type Transitions = Partial<Record<OrderStatus, readonly Role[]>>

/** What each status may become, and who may do it. A completion from before the kitchen is a counter sale. */
export const transitions: Record<OrderStatus, Transitions> = {
  pending: { confirmed: crew, preparing: crew, rejected: crew, cancelled: crew, completed: staffAndUp },
  confirmed: { preparing: crew, cancelled: crew, completed: staffAndUp },
  preparing: { ready: crew, cancelled: managers },
  ready: { completed: crew, preparing: crew, cancelled: managers },
  completed: { ready: managers },
  rejected: {},
  cancelled: {},
}

const reopenHours = 24
const givesStockBack: readonly OrderStatus[] = ['cancelled', 'rejected']

type Judged = { status: OrderStatus; statusHistory: StatusChange[] }

/** The transitions that are possible for somebody, now. */
function possible(order: Judged, nowMs: number): Transitions {
  const completedAt = order.statusHistory.findLast((change) => change.status === 'completed')?.at
  const isTooLate = order.status === 'completed' && (!completedAt || nowMs - Date.parse(completedAt) > reopenHours * 3_600_000)
  return isTooLate ? {} : transitions[order.status]
}

/** Throws 409 for a transition that is impossible for everyone, then 403 for one that this role may not make. */
function judge(order: Judged, to: OrderStatus, role: Role, nowMs: number): void {
  const allowed = possible(order, nowMs)
  const by = allowed[to]
  if (by?.includes(role)) return
  if (by) throw forbidden()
  const names = Object.keys(allowed)
  const rule = order.status === 'completed' ? ` (within ${reopenHours} hours: ready)` : ''
  const message = names.length > 0 ? `${order.status} may become ${names.join(', ')}` : `${order.status} may become nothing${rule}`
  throw conflict('invalid_transition', `An order that is ${order.status} cannot become ${to}`, [{ path: 'status', message }])
}

/**
 * 404 of the order and 403 of the change asked for, for requests whose body is wrong in another field: a right comes
 * before the 422.
 */
export async function requireStatusRight(member: Member, id: string, body: { status?: unknown }): Promise<void> {
  const { data: order } = await getOrder(member, id)
  const to = orderStatusSchema.safeParse(body.status)
  if (!to.success) return
  const by = possible(order, Date.now())[to.data]
  if (by && !by.includes(member.role)) throw forbidden()
}

export async function changeOrderStatus(member: Member, id: string, input: ChangeStatus) {
  const written = await withEvents(member, (tx, emit) => moveOrder(tx, emit, member, id, input))
  wsManager.sendOrderUpdate(member.storeId, written.events)
  return { ...written, data: orderFor(member.role, written.data) }
}

async function moveOrder(tx: Transaction, emit: Emit, member: Member, id: string, { status, reason = null }: ChangeStatus) {
  const locked = await lockOrder(tx, member, id)
  const { row, now } = locked
  if (row.status === status) return toOrder(row)
  judge(row, status, member.role, now.getTime())
  const change: StatusChange = { status, at: now.toISOString(), userId: member.userId, reason }
  const isGivenBack = givesStockBack.includes(status)
  const moved = isGivenBack ? await returnStock(tx, row) : []
  const statusHistory = [...row.statusHistory, change]
  const saved = { ...row, status, statusHistory, stockTaken: isGivenBack ? {} : row.stockTaken, version: row.version + 1, updatedAt: now }
  // The row is locked and its next state known: nothing of it needs to be waited for.
  saveMove.send(tx, saved)
  const order = emitOrder(emit, 'status_changed', saved, { previousStatus: row.status })
  emitStock(emit, moved)
  return order
}

const saveMove = new Statement<OrderRow, void>(
  () =>
    builder
      .update(orders)
      .set(slotsOf('status', 'statusHistory', 'stockTaken', 'version', 'updatedAt'))
      .where(eq(orders.id, slot('id'))),
  () => {},
)

/** Brings the pieces back that were taken, of products that still count theirs. */
async function returnStock(tx: Transaction, row: OrderRow) {
  const pieces = new Map(Object.entries(row.stockTaken).map(([productId, taken]) => [productId, -taken]))
  return moveStock(tx, await lockCounted(tx, row.storeId, [...pieces.keys()]), pieces)
}
