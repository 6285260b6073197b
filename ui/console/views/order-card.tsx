import { memo } from 'react'
import { describeChoices } from '~/ui/console/model/cart'
import { useNow } from '~/ui/console/model/clock'
import { formatAge, formatMoney, formatTime } from '~/ui/console/model/format'
import { isProvisional } from '~/ui/console/model/pending'
import { actionName, isClosed, nextStatuses, statusNames, typeNames } from '~/ui/console/model/transitions'
import { Icon } from '~/ui/console/parts/icon'
import type { Role } from '~/utils/contracts/common'
import type { Order } from '~/utils/contracts/order'
import type { OrderStatus } from '~/utils/contracts/order-document'

type CardProps = {
  order: Order
  role: Role
  prepMinutes: number
  isUnseen: boolean
  /** A change of this order was not sent yet, or not answered. */
  isWaiting: boolean
  onOpen: (id: string) => void
  onMove: (order: Order, to: OrderStatus) => void
  onDragStart: (order: Order) => void
  onDragEnd: () => void
}

const shownLines = 4

export const OrderCard = memo(function OrderCard({
  order,
  role,
  prepMinutes,
  isUnseen,
  isWaiting,
  onOpen,
  onMove,
  onDragStart,
  onDragEnd,
}: CardProps) {
  const steps = isProvisional(order) ? [] : nextStatuses(order.status, role)
  const [first, second] = quickSteps(order, steps)
  return (
    <li
      className={`card ${isUnseen ? 'unseen' : ''}`}
      data-order={order.orderNumber}
      data-status={order.status}
      draggable={steps.length > 0}
      onDragStart={(event) => {
        event.dataTransfer.setData('text/plain', order.id)
        event.dataTransfer.effectAllowed = 'move'
        onDragStart(order)
      }}
      onDragEnd={onDragEnd}
    >
      <button type="button" className="card-open" disabled={isProvisional(order)} onClick={() => onOpen(order.id)}>
        <span className="card-head">
          <span className="card-number number">
            <span className="visually-hidden">Order </span>
            {order.orderNumber || 'No number yet'}
          </span>
          {isWaiting && <span className="chip warn waiting">Not sent yet</span>}
          {isUnseen && <span className="chip new">New</span>}
          {isClosed(order.status) ? (
            <span className="soft number push">{formatTime(order.updatedAt)}</span>
          ) : (
            <Age order={order} prepMinutes={prepMinutes} />
          )}
        </span>
        <span className="card-for">
          {order.customerName && <b>{order.customerName} </b>}
          <span className="soft">{order.tableNumber ? `Table ${order.tableNumber}` : typeNames[order.type]}</span>
        </span>
        <span className="card-lines">
          {order.items.slice(0, shownLines).map((item) => (
            <span key={item.id} className="card-line">
              <span className="number quantity">{item.quantity}×</span>
              <span>
                {item.name}
                {item.modifiers.length > 0 && <span className="soft"> · {describeChoices(item.modifiers)}</span>}
              </span>
            </span>
          ))}
          {order.items.length > shownLines && <span className="soft">and {order.items.length - shownLines} more</span>}
        </span>
        {order.note && <span className="card-note">{order.note}</span>}
      </button>
      <span className="card-foot">
        <span className="number card-total">{formatMoney(order.total, order.currency)}</span>
        {isClosed(order.status) && order.status !== 'completed' && <span className={`chip ${order.status}`}>{statusNames[order.status]}</span>}
        <Payment order={order} />
        <span className="card-actions">
          {second && (
            <button type="button" className="button small" onClick={() => onMove(order, second)}>
              {actionName(order.status, second)}
              <span className="visually-hidden"> order {order.orderNumber}</span>
            </button>
          )}
          {first && (
            <button type="button" className="button small primary" onClick={() => onMove(order, first)}>
              {actionName(order.status, first)}
              <span className="visually-hidden"> order {order.orderNumber}</span>
            </button>
          )}
        </span>
      </span>
    </li>
  )
})

/** The usual step, and where there is room for one more, the one that is wanted most besides. */
function quickSteps(order: Order, steps: OrderStatus[]): [OrderStatus | undefined, OrderStatus | undefined] {
  if (isClosed(order.status)) return [undefined, undefined]
  const second = { pending: 'preparing', ready: 'preparing' } as const satisfies Partial<Record<OrderStatus, OrderStatus>>
  const wanted = order.status in second ? steps.find((step) => step === 'preparing') : undefined
  return [steps[0] === 'cancelled' ? undefined : steps[0], wanted]
}

/** Most open orders are unpaid, and say nothing of it; one that went out unpaid does. */
function Payment({ order }: { order: Order }) {
  if (order.paymentStatus === 'paid') return <span className="chip good">Paid</span>
  if (order.paymentStatus === 'partial') return <span className="chip warn">Part paid</span>
  if (order.paymentStatus === 'refunded') return <span className="chip">Refunded</span>
  return order.status === 'completed' ? <span className="chip bad">Unpaid</span> : null
}

/** How long the order has been waiting, against the store's time for one. */
function Age({ order, prepMinutes }: { order: Order; prepMinutes: number }) {
  const ageMs = useNow(10_000) - Date.parse(order.createdAt)
  return (
    <span className={`age push ${urgencyOf(ageMs, prepMinutes)}`}>
      <Icon name="clock" size={14} />
      <span className="number">{formatAge(ageMs)}</span>
    </span>
  )
}

/** Calm for the first half of the store's preparation time, then soon, then late. */
export function urgencyOf(ageMs: number, prepMinutes: number): 'calm' | 'soon' | 'late' {
  const limitMs = Math.max(1, prepMinutes) * 60_000
  if (ageMs >= limitMs) return 'late'
  return ageMs >= limitMs / 2 ? 'soon' : 'calm'
}
