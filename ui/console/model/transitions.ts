import type { Role } from '~/utils/contracts/common'
import type { OrderStatus, OrderType } from '~/utils/contracts/order-document'

/** What the console offers to do with an order; the server judges every change again. */

export const boardStatuses = ['pending', 'confirmed', 'preparing', 'ready'] as const satisfies OrderStatus[]
export const closedStatuses = ['completed', 'rejected', 'cancelled'] as const satisfies OrderStatus[]

export const statusNames: Record<OrderStatus, string> = {
  pending: 'New',
  confirmed: 'Confirmed',
  preparing: 'Preparing',
  ready: 'Ready',
  completed: 'Completed',
  rejected: 'Rejected',
  cancelled: 'Cancelled',
}

export const typeNames: Record<OrderType, string> = { pickup: 'Pickup', delivery: 'Delivery', dine_in: 'Dine in' }

/** What a button says that moves an order to a status, seen from where it stands. */
export function actionName(from: OrderStatus, to: OrderStatus): string {
  if (from === 'ready' && to === 'preparing') return 'Recall'
  if (from === 'completed' && to === 'ready') return 'Reopen'
  return actionNames[to]
}

const actionNames: Record<OrderStatus, string> = {
  pending: 'Reset',
  confirmed: 'Confirm',
  preparing: 'Start',
  ready: 'Ready',
  completed: 'Complete',
  rejected: 'Reject',
  cancelled: 'Cancel order',
}

const anyone: readonly Role[] = ['owner', 'manager', 'staff', 'kitchen']
const counter: readonly Role[] = ['owner', 'manager', 'staff']
const managers: readonly Role[] = ['owner', 'manager']

/** In the order in which they are offered: the first is the usual next step. */
const offers: Record<OrderStatus, readonly (readonly [OrderStatus, readonly Role[]])[]> = {
  pending: [
    ['confirmed', anyone],
    ['preparing', anyone],
    ['completed', counter],
    ['rejected', anyone],
    ['cancelled', anyone],
  ],
  confirmed: [
    ['preparing', anyone],
    ['completed', counter],
    ['cancelled', anyone],
  ],
  preparing: [
    ['ready', anyone],
    ['cancelled', managers],
  ],
  ready: [
    ['completed', anyone],
    ['preparing', anyone],
    ['cancelled', managers],
  ],
  completed: [['ready', managers]],
  rejected: [],
  cancelled: [],
}

export const nextStatuses = (status: OrderStatus, role: Role): OrderStatus[] =>
  offers[status].filter(([, roles]) => roles.includes(role)).map(([to]) => to)

/** The step that one tap takes; nothing where the way on needs a decision. */
export function usualNext(status: OrderStatus, role: Role): OrderStatus | undefined {
  const [first] = nextStatuses(status, role)
  return status === 'completed' ? undefined : first
}

export const isClosed = (status: OrderStatus): boolean => (closedStatuses as readonly OrderStatus[]).includes(status)

/** These end an order against somebody's will: they ask for a reason first. */
export const needsReason = (status: OrderStatus): boolean => status === 'cancelled' || status === 'rejected'
