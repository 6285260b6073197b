import { describeChoices } from '~/ui/console/model/cart'
import { serverNow } from '~/ui/console/model/clock'
import { formatDay, formatMoney, formatTime } from '~/ui/console/model/format'
import { isCounter, useStoreScope } from '~/ui/console/model/store-scope'
import { actionName, isClosed, needsReason, nextStatuses, statusNames, typeNames } from '~/ui/console/model/transitions'
import { CopyButton } from '~/ui/console/parts/copy-button'
import { Dialog } from '~/ui/console/parts/dialog'
import { OrderEdit } from '~/ui/console/views/order-edit'
import { OrderPayments } from '~/ui/console/views/order-payments'
import type { Order } from '~/utils/contracts/order'
import type { OrderStatus } from '~/utils/contracts/order-document'

/** Everything of one order, at the edge of the page: it follows the order while others change it. */
export function OrderPanel({ order, onMove, onClose }: { order: Order; onMove: (order: Order, to: OrderStatus) => void; onClose: () => void }) {
  const { role } = useStoreScope()
  const steps = nextStatuses(order.status, role)
  return (
    <Dialog
      side
      onClose={onClose}
      title={
        <>
          Order <span className="number">{order.orderNumber}</span> <span className={`chip ${order.status}`}>{statusNames[order.status]}</span>
        </>
      }
    >
      <OrderFacts order={order} />
      <StepButtons order={order} steps={steps.filter((step) => !needsReason(step))} onMove={onMove} />
      <StepButtons order={order} steps={steps.filter(needsReason)} onMove={onMove} />
      <OrderLines order={order} />
      {isCounter(role) && <OrderPayments key={`payments-${order.id}`} order={order} />}
      {isCounter(role) && !isClosed(order.status) && <OrderEdit key={`edit-${order.id}`} order={order} />}
      <History order={order} />
      {order.trackingToken && (
        <section className="panel-section">
          <h3>For the guest</h3>
          <p className="soft">This link shows where the order stands, and nothing else.</p>
          <CopyButton text={`${location.origin}/track/${encodeURIComponent(order.trackingToken)}`} label="Copy tracking link" />
        </section>
      )}
    </Dialog>
  )
}

/** The usual step stands out; what ends the order against somebody's will has a row of its own. */
function StepButtons({ order, steps, onMove }: { order: Order; steps: OrderStatus[]; onMove: (order: Order, to: OrderStatus) => void }) {
  if (steps.length === 0) return null
  return (
    <div className="step-buttons">
      {steps.map((step, index) => (
        <button
          key={step}
          type="button"
          className={`button ${needsReason(step) ? 'danger-quiet' : index === 0 ? 'primary' : ''}`}
          onClick={() => onMove(order, step)}
        >
          {actionName(order.status, step)}
        </button>
      ))}
    </div>
  )
}

function OrderFacts({ order }: { order: Order }) {
  const facts: [string, string | null][] = [
    ['Type', order.tableNumber ? `${typeNames[order.type]}, table ${order.tableNumber}` : typeNames[order.type]],
    ['Customer', order.customerName],
    ['Wanted for', order.requestedFor && formatDay(order.requestedFor)],
    ['Address', order.deliveryAddress],
    ['Note', order.note],
    ['Came in', `${formatTime(order.createdAt, serverNow())}${order.source ? ` · ${order.source}` : ''}`],
  ]
  return (
    <dl className="facts">
      {facts.map(
        ([name, value]) =>
          value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

function OrderLines({ order }: { order: Order }) {
  const money = (amount: number) => formatMoney(amount, order.currency)
  const sums: [string, number][] = [
    ['Discount', -order.discount],
    [order.pricesIncludeTax ? 'Tax contained' : 'Tax', order.tax],
    ['Tip', order.tip],
    ['Delivery', order.deliveryFee],
    ['Service', order.serviceCharge],
  ]
  return (
    <section className="panel-section">
      <h3 className="visually-hidden">Items</h3>
      <table className="lines">
        <caption className="visually-hidden">Items and totals of order {order.orderNumber}</caption>
        <tbody>
          {order.items.map((item) => (
            <tr key={item.id}>
              <td className="number">{item.quantity}×</td>
              <th scope="row">
                {item.name}
                {item.modifiers.length > 0 && <span className="soft line-detail">{describeChoices(item.modifiers)}</span>}
                {item.note && <span className="line-detail card-note">{item.note}</span>}
              </th>
              <td className="number amount">{money(item.lineTotal)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <SumRow name="Subtotal" value={money(order.subtotal)} />
          {sums.map(([name, amount]) => amount !== 0 && <SumRow key={name} name={name} value={money(amount)} />)}
          <SumRow name="Total" value={money(order.total)} isGrand />
        </tfoot>
      </table>
    </section>
  )
}

const SumRow = ({ name, value, isGrand = false }: { name: string; value: string; isGrand?: boolean }) => (
  <tr className={isGrand ? 'grand' : ''}>
    <td />
    <th scope="row">{name}</th>
    <td className="number amount">{value}</td>
  </tr>
)

function History({ order }: { order: Order }) {
  return (
    <section className="panel-section">
      <h3>History</h3>
      <ol className="history">
        {order.statusHistory.map((change) => (
          <li key={change.at + change.status}>
            <time className="number" dateTime={change.at}>
              {formatTime(change.at, serverNow())}
            </time>
            <span>
              {statusNames[change.status]}
              {change.reason && <span className="soft"> · {change.reason}</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}
