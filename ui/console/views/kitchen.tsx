import { useEffect, useMemo, useState } from 'react'
import { describeChoices } from '~/ui/console/model/cart'
import { useNow } from '~/ui/console/model/clock'
import { formatStopwatch, formatTime } from '~/ui/console/model/format'
import { isProvisional } from '~/ui/console/model/pending'
import { Link, storePath } from '~/ui/console/model/router'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { statusNames, typeNames, usualNext } from '~/ui/console/model/transitions'
import { useMoves } from '~/ui/console/model/use-moves'
import { ConnectionMark } from '~/ui/console/parts/connection-mark'
import { Icon } from '~/ui/console/parts/icon'
import { SoundButton } from '~/ui/console/parts/sound-button'
import { urgencyOf } from '~/ui/console/views/order-card'
import type { Order } from '~/utils/contracts/order'
import type { OrderStatus } from '~/utils/contracts/order-document'

/** The wall screen: whole tickets, read from across the room. A tap on one takes its next step; a recall takes it back. */
export function KitchenView() {
  const { data, orders, waiting, role, state, storeId } = useStoreScope()
  const move = useMoves()
  useWakeLock()
  const tickets = useMemo(() => openTickets([...orders.values()]), [orders])
  const ready = useMemo(() => readyOrders([...orders.values()]), [orders])

  function advance(order: Order) {
    // The kitchen confirms nothing: what it takes, it starts.
    const to: OrderStatus | undefined = order.status === 'pending' ? 'preparing' : usualNext(order.status, role)
    state.markSeen([order.id])
    if (to) void move(order, to)
  }

  return (
    <div className="kitchen">
      <header className="kitchen-head">
        <Link className="button quiet square" href={storePath(storeId, 'board')} aria-label="Back to the board">
          <Icon name="back" />
        </Link>
        <h1>Kitchen</h1>
        <KitchenClock />
        <span className="kitchen-counts">
          <span>
            <b className="number">{tickets.filter((order) => order.status !== 'preparing').length}</b> waiting
          </span>
          <span>
            <b className="number">{tickets.filter((order) => order.status === 'preparing').length}</b> cooking
          </span>
        </span>
        <span className="push" />
        <ConnectionMark />
        <SoundButton />
        <FullscreenButton />
      </header>
      {tickets.length === 0 ? (
        <p className="kitchen-empty">No orders. All done.</p>
      ) : (
        <ol className="tickets">
          {tickets.map((order) => (
            <Ticket
              key={order.id}
              order={order}
              prepMinutes={data.store.prepMinutes}
              isUnseen={data.unseen.has(order.id)}
              isWaiting={waiting.has(order.id)}
              onAdvance={() => advance(order)}
            />
          ))}
        </ol>
      )}
      {ready.length > 0 && (
        <section className="recall" aria-labelledby="recall-title">
          <h2 id="recall-title">Ready</h2>
          <ul>
            {ready.map((order) => (
              <li key={order.id}>
                <button type="button" className="button recall-button" onClick={() => void move(order, 'preparing')}>
                  <Icon name="undo" />
                  <span className="visually-hidden">Recall order </span>
                  <b className="number">{order.orderNumber}</b>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  )
}

type TicketProps = { order: Order; prepMinutes: number; isUnseen: boolean; isWaiting: boolean; onAdvance: () => void }

function Ticket({ order, prepMinutes, isUnseen, isWaiting, onAdvance }: TicketProps) {
  const ageMs = useNow(1000) - Date.parse(order.createdAt)
  const step = order.status === 'preparing' ? 'Tap when ready' : 'Tap to start'
  return (
    <li data-order={order.orderNumber} data-status={order.status}>
      <button
        type="button"
        className={`ticket ${urgencyOf(ageMs, prepMinutes)} ${order.status} ${isUnseen ? 'unseen' : ''}`}
        disabled={isProvisional(order)}
        onClick={onAdvance}
      >
        <span className="ticket-head">
          <span className="ticket-number number">
            <span className="visually-hidden">Order </span>
            {order.orderNumber || 'New'}
          </span>
          {isWaiting && <span className="chip warn waiting">Not sent yet</span>}
          <span className="ticket-time number">{formatStopwatch(ageMs)}</span>
        </span>
        <span className="ticket-sub">
          <span>{order.tableNumber ? `Table ${order.tableNumber}` : typeNames[order.type]}</span>
          <span className="ticket-state">{order.requestedFor ? `for ${formatTime(order.requestedFor)}` : statusNames[order.status]}</span>
        </span>
        {order.customerName && <span className="ticket-name">{order.customerName}</span>}
        <span className="ticket-lines">
          {order.items.map((item) => (
            <span key={item.id} className="ticket-line">
              <b className="number">{item.quantity}×</b>
              <span>
                {item.name}
                {item.modifiers.length > 0 && <span className="ticket-detail">{describeChoices(item.modifiers)}</span>}
                {item.note && <span className="ticket-note">{item.note}</span>}
              </span>
            </span>
          ))}
        </span>
        {order.note && <span className="ticket-note">{order.note}</span>}
        <span className="ticket-step">{step}</span>
      </button>
    </li>
  )
}

function KitchenClock() {
  const nowMs = useNow(1000)
  return <span className="kitchen-clock number">{formatTime(new Date(nowMs).toISOString(), nowMs)}</span>
}

const openTickets = (orders: Order[]): Order[] =>
  orders
    .filter((order) => order.status === 'pending' || order.status === 'confirmed' || order.status === 'preparing')
    .sort((a, b) => a.createdAt.localeCompare(b.createdAt) || Number(a.orderNumber) - Number(b.orderNumber))

/** The latest first: that is the one tapped by mistake. */
const readyOrders = (orders: Order[]): Order[] =>
  orders.filter((order) => order.status === 'ready').sort((a, b) => b.updatedAt.localeCompare(a.updatedAt))

/** Keeps a wall screen from going dark while it shows the kitchen. Browsers give the lock only to visible pages. */
function useWakeLock() {
  useEffect(() => {
    let lock: WakeLockSentinel | undefined
    let isOver = false
    async function hold() {
      if (!('wakeLock' in navigator) || document.visibilityState !== 'visible') return
      try {
        lock = await navigator.wakeLock.request('screen')
        if (isOver) await lock.release()
      } catch {
        // Refused (low battery, plain HTTP): the screen follows its own settings.
      }
    }
    void hold()
    document.addEventListener('visibilitychange', hold)
    return () => {
      isOver = true
      document.removeEventListener('visibilitychange', hold)
      void lock?.release()
    }
  }, [])
}

function FullscreenButton() {
  const [isFull, setFull] = useState(() => document.fullscreenElement !== null)
  useEffect(() => {
    const follow = () => setFull(document.fullscreenElement !== null)
    document.addEventListener('fullscreenchange', follow)
    return () => document.removeEventListener('fullscreenchange', follow)
  }, [])
  if (!document.fullscreenEnabled) return null
  return (
    <button
      type="button"
      className="button quiet square"
      aria-label={isFull ? 'Leave full screen' : 'Full screen'}
      onClick={() => void (isFull ? document.exitFullscreen() : document.documentElement.requestFullscreen())}
    >
      <Icon name="expand" />
    </button>
  )
}
