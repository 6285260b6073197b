import { type DragEvent, useMemo, useRef, useState } from 'react'
import { plural } from '~/ui/console/model/format'
import { isProvisional } from '~/ui/console/model/pending'
import { Link, storePath } from '~/ui/console/model/router'
import { isCounter, useStoreScope } from '~/ui/console/model/store-scope'
import { boardStatuses, closedStatuses, isClosed, needsReason, nextStatuses, statusNames } from '~/ui/console/model/transitions'
import { useMoves } from '~/ui/console/model/use-moves'
import { Icon } from '~/ui/console/parts/icon'
import { OrderCard } from '~/ui/console/views/order-card'
import { OrderPanel } from '~/ui/console/views/order-panel'
import { ReasonDialog } from '~/ui/console/views/reason-dialog'
import type { Order } from '~/utils/contracts/order'
import type { OrderStatus } from '~/utils/contracts/order-document'

type Column = { key: OrderStatus; name: string; accepts: readonly OrderStatus[] }

/** `completed` stands for everything that is over. */
const columns: Column[] = [
  ...boardStatuses.map((status) => ({ key: status, name: statusNames[status], accepts: [status] })),
  { key: 'completed', name: 'Done', accepts: closedStatuses },
]

const shownClosed = 40

export function BoardView() {
  const { data, orders, waiting, role, state, storeId } = useStoreScope()
  const move = useMoves()
  const [openId, setOpenId] = useState<string>()
  const [shownKey, setShownKey] = useState<OrderStatus>('pending')
  const [dragged, setDragged] = useState<Order>()
  const [asked, setAsked] = useState<{ order: Order; to: OrderStatus }>()
  const byColumn = useMemo(() => sortIntoColumns([...orders.values()]), [orders])
  const openOrder = openId === undefined ? undefined : orders.get(openId)

  // Cards are kept from rendering again by their props: these stay the same functions.
  const handlers = useRef({
    onOpen: (id: string) => {
      state.markSeen([id])
      setOpenId(id)
    },
    onDragStart: setDragged,
    onDragEnd: () => setDragged(undefined),
  })
  const onMove = (order: Order, to: OrderStatus) => (needsReason(to) ? setAsked({ order, to }) : void move(order, to))
  const latestMove = useRef(onMove)
  latestMove.current = onMove
  const stableMove = useRef((order: Order, to: OrderStatus) => latestMove.current(order, to))

  return (
    <div className="view board-view">
      <header className="view-head">
        <h1>Orders</h1>
        <span className="soft">{plural(orders.size - (byColumn.get('completed')?.length ?? 0), 'open order')}</span>
        {isCounter(role) && (
          <Link className="button primary push" href={storePath(storeId, 'till')}>
            <Icon name="plus" /> New order
          </Link>
        )}
      </header>
      <fieldset className="tabs board-tabs">
        <legend className="visually-hidden">Status</legend>
        {columns.map((column) => (
          <label key={column.key} className={column.key}>
            <input type="radio" name="board-status" checked={shownKey === column.key} onChange={() => setShownKey(column.key)} />
            <span>
              <span className="dot" />
              {column.name} <span className="count number">{byColumn.get(column.key)?.length ?? 0}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <div className="board" data-shown={shownKey}>
        {columns.map((column) => {
          const shown = byColumn.get(column.key) ?? []
          const target = dragged && dropTarget(column, dragged, nextStatuses(dragged.status, role))
          return (
            <section
              key={column.key}
              className={`column ${column.key} ${dragged ? (target ? 'can-drop' : 'no-drop') : ''} ${shownKey === column.key ? 'shown' : ''}`}
              aria-labelledby={`column-${column.key}`}
              onDragOver={(event: DragEvent) => target && event.preventDefault()}
              onDrop={() => dragged && target && onMove(dragged, target)}
            >
              <h2 id={`column-${column.key}`}>
                <span className="dot" />
                {column.name} <span className="count number">{shown.length}</span>
              </h2>
              <ul className="cards">
                {shown.slice(0, column.key === 'completed' ? shownClosed : undefined).map((order) => (
                  <OrderCard
                    key={order.id}
                    order={order}
                    role={role}
                    prepMinutes={data.store.prepMinutes}
                    isUnseen={data.unseen.has(order.id)}
                    isWaiting={waiting.has(order.id)}
                    {...handlers.current}
                    onMove={stableMove.current}
                  />
                ))}
              </ul>
              {shown.length === 0 && <p className="empty">{emptyText(column.key, data.areClosedKnown)}</p>}
            </section>
          )
        })}
      </div>
      {openOrder && <OrderPanel order={openOrder} onMove={onMove} onClose={() => setOpenId(undefined)} />}
      {asked && <ReasonDialog {...asked} onClose={() => setAsked(undefined)} onConfirm={(reason) => void move(asked.order, asked.to, reason)} />}
    </div>
  )
}

function emptyText(status: OrderStatus, areClosedKnown: boolean): string {
  if (status === 'completed' && !areClosedKnown) return 'One moment …'
  return status === 'pending' ? 'Nothing new' : 'None'
}

const dropTarget = (column: Column, order: Order, allowed: OrderStatus[]): OrderStatus | undefined =>
  column.accepts.includes(order.status) ? undefined : column.accepts.find((status) => allowed.includes(status))

/** Open ones oldest first: who has waited longest is on top. Closed ones latest first. */
function sortIntoColumns(orders: Order[]): Map<OrderStatus, Order[]> {
  const sorted = new Map<OrderStatus, Order[]>(columns.map((column) => [column.key, []]))
  for (const order of orders) sorted.get(isClosed(order.status) ? 'completed' : order.status)?.push(order)
  for (const [key, list] of sorted) list.sort((a, b) => (key === 'completed' ? b.updatedAt.localeCompare(a.updatedAt) : compareNumbers(a, b)))
  return sorted
}

/** Those without a number have come last. */
const compareNumbers = (a: Order, b: Order): number => numberOf(a) - numberOf(b)
const numberOf = (order: Order): number => (isProvisional(order) ? Number.MAX_SAFE_INTEGER : Number(order.orderNumber))
