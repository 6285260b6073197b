import { useEffect, useState } from 'react'
import { serverNow } from '~/ui/console/model/clock'
import { formatMoney, formatTime, moneyText, parseMoney } from '~/ui/console/model/format'
import { sendSoon } from '~/ui/console/model/outbox'
import { rest } from '~/ui/console/model/rest'
import { isManager, useStoreScope } from '~/ui/console/model/store-scope'
import { notify } from '~/ui/console/model/toasts'
import { Choice, Form, TextField, useSubmission } from '~/ui/console/parts/form'
import type { Order } from '~/utils/contracts/order'
import type { Payment } from '~/utils/contracts/payment'

type Kind = Payment['kind']
type Method = Payment['method']

const methods = [
  ['cash', 'Cash'],
  ['card', 'Card'],
  ['other', 'Other'],
] as const

/** What was paid, and what is open. A booking changes the order's version, at which the list is read again. */
export function OrderPayments({ order }: { order: Order }) {
  const scope = useStoreScope()
  const { storeId, role } = scope
  const submission = useSubmission()
  const [payments, setPayments] = useState<Payment[]>([])
  const [method, setMethod] = useState<Method>('cash')
  const [kind, setKind] = useState<Kind>('payment')
  const due = order.total - order.amountPaid
  const money = (amount: number) => formatMoney(amount, order.currency)

  // biome-ignore lint/correctness/useExhaustiveDependencies: amountPaid is what tells that there are new payments
  useEffect(() => {
    let isCurrent = true
    rest.readAll('GET /stores/{storeId}/orders/{id}/payments', { params: { storeId, id: order.id } }).then(
      ({ rows }) => isCurrent && setPayments(rows.toReversed()),
      () => {},
    )
    return () => {
      isCurrent = false
    }
  }, [storeId, order.id, order.amountPaid])

  const canPay = due > 0
  const canRefund = isManager(role) && order.amountPaid > 0
  const shownKind: Kind = canPay && (!canRefund || kind === 'payment') ? 'payment' : 'refund'
  const suggested = shownKind === 'payment' ? due : order.amountPaid

  return (
    <section className="panel-section">
      <h3>Payments</h3>
      {payments.length > 0 && (
        <ul className="history">
          {payments.map((payment) => (
            <li key={payment.id}>
              <time className="number" dateTime={payment.createdAt}>
                {formatTime(payment.createdAt, serverNow())}
              </time>
              <span>
                {payment.kind === 'refund' ? 'Refund' : 'Paid'} {money(payment.amount)} · {payment.method}
                {payment.reference && <span className="soft"> · {payment.reference}</span>}
              </span>
            </li>
          ))}
        </ul>
      )}
      <p>{canPay ? <strong>{money(due)} open</strong> : <span className="chip good">Paid in full</span>}</p>
      {(canPay || canRefund) && (
        <Form
          key={`${shownKind} ${suggested}`}
          submission={submission}
          onSubmit={async (fields) => {
            const params = { storeId, id: order.id }
            const amount = fields.parsed('amount', (text) => parseMoney(text, order.currency), 'Enter an amount like 12.50')
            const body = { kind: shownKind, method, amount, reference: fields.optional('reference') }
            const sent = await sendSoon(scope.outbox, scope.isLive, 'POST /stores/{storeId}/orders/{id}/payments', { params, body })
            if (!sent.isDone) return notify('warning', 'The payment is kept on this device and will be sent as soon as the server can be reached')
            const { data } = await rest.call('GET /stores/{storeId}/orders/{id}', { params })
            scope.state.learn('orders', [data])
          }}
        >
          {canPay && canRefund && (
            <Choice
              legend="Kind"
              name="kind"
              value={shownKind}
              onChange={setKind}
              options={[
                ['payment', 'Payment'],
                ['refund', 'Refund'],
              ]}
            />
          )}
          <Choice legend="Method" name="method" value={method} onChange={setMethod} options={methods} />
          <div className="pair">
            <TextField
              label="Amount"
              name="amount"
              inputMode="decimal"
              autoComplete="off"
              required
              defaultValue={moneyText(suggested, order.currency)}
              error={submission.errorOf('amount')}
            />
            <TextField label="Reference" name="reference" maxLength={255} autoComplete="off" />
          </div>
          <button type="submit" className="button" disabled={submission.isBusy}>
            {shownKind === 'payment' ? 'Book payment' : 'Book refund'}
          </button>
        </Form>
      )}
    </section>
  )
}
