import { useEffect, useState } from 'react'
import { serverNow } from '~/ui/console/model/clock'
import { formatTime } from '~/ui/console/model/format'
import { typeNames } from '~/ui/console/model/transitions'
import { useTracking } from '~/ui/console/model/use-tracking'
import { Brand } from '~/ui/console/parts/brand'
import type { OrderStatus, OrderType } from '~/utils/contracts/order-document'
import type { TrackedOrder } from '~/utils/contracts/tracking'

const sentences: Record<OrderStatus, string> = {
  pending: 'We have your order',
  confirmed: 'Your order is confirmed',
  preparing: 'Your order is being made',
  ready: 'Your order is ready',
  completed: 'All done. Enjoy!',
  rejected: 'Sorry, we could not take your order',
  cancelled: 'Your order was cancelled',
}

const steps: readonly OrderStatus[] = ['pending', 'confirmed', 'preparing', 'ready', 'completed']
const stepNames: Partial<Record<OrderStatus, string>> = { pending: 'Received', confirmed: 'Confirmed', preparing: 'In the kitchen', ready: 'Ready' }
const lastStep: Record<OrderType, string> = { pickup: 'Picked up', delivery: 'Delivered', dine_in: 'Served' }

/** The guest's page: one order, live, and nothing that only the store should know. */
export function TrackPage({ token }: { token: string }) {
  const { order, isLive, wasLive, isUnknown } = useTracking(token)
  useTitle(order)
  return (
    <main className="narrow track">
      <Brand />
      {order ? <Tracked order={order} /> : <p role="status">{isUnknown ? 'There is no such order. Please check the link.' : 'One moment …'}</p>}
      {!isUnknown && (
        <p className="soft" role="status">
          {isLive ? 'This page follows your order by itself.' : wasLive && 'Reconnecting: what is shown may be a moment old.'}
        </p>
      )}
    </main>
  )
}

function Tracked({ order }: { order: TrackedOrder }) {
  return (
    <>
      <header className="track-head">
        <h1>
          Order <span className="number">{order.orderNumber}</span>
        </h1>
        <p className="track-status" aria-live="polite">
          {sentences[order.status]}
        </p>
        <p className="soft">
          {typeNames[order.type]}
          {order.requestedFor && ` · wanted for ${formatTime(order.requestedFor, serverNow())}`}
        </p>
      </header>
      {steps.includes(order.status) && <Steps order={order} />}
      <section className="sheet" aria-label="What you ordered">
        <ul className="rows">
          {order.items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: items of a guest's order have no id
            <li key={index} className="row">
              <b className="number">{item.quantity}×</b>
              <span className="row-main">{item.name}</span>
            </li>
          ))}
        </ul>
      </section>
    </>
  )
}

function Steps({ order }: { order: TrackedOrder }) {
  const at = steps.indexOf(order.status)
  const reachedAt = new Map(order.statusHistory.map((change) => [change.status, change.at]))
  // A kitchen that starts at once confirms nothing: that step is left out then.
  const shown = steps.filter((step) => step !== 'confirmed' || at < steps.indexOf('preparing') || reachedAt.has('confirmed'))
  return (
    <ol className="steps">
      {shown.map((step) => {
        const index = steps.indexOf(step)
        const time = index <= at ? reachedAt.get(step) : undefined
        const isOver = order.status === 'completed'
        return (
          <li key={step} className={index < at || isOver ? 'done' : index === at ? 'current' : ''} aria-current={index === at ? 'step' : undefined}>
            <span>{step === 'completed' ? lastStep[order.type] : stepNames[step]}</span>
            {time && (
              <time className="number soft" dateTime={time}>
                {formatTime(time, serverNow())}
              </time>
            )}
          </li>
        )
      })}
    </ol>
  )
}

function useTitle(order: TrackedOrder | undefined) {
  const [title] = useState(document.title)
  useEffect(() => {
    document.title = order ? `${sentences[order.status]} · ${order.orderNumber}` : title
  }, [order, title])
}
