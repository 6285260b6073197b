import { useState } from 'react'
import { moneyText, parseMoney } from '~/ui/console/model/format'
import { rest } from '~/ui/console/model/rest'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { take } from '~/ui/console/model/writes'
import { Form, TextArea, TextField, useSubmission } from '~/ui/console/parts/form'
import { Quantity } from '~/ui/console/parts/quantity'
import type { Order } from '~/utils/contracts/order'

/** Changes of an order that goes on: quantities until the kitchen has it, the rest as long as it is open. */
export function OrderEdit({ order }: { order: Order }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <section className="panel-section">
      {isOpen ? (
        <EditForm order={order} onDone={() => setOpen(false)} />
      ) : (
        <button type="button" className="button" onClick={() => setOpen(true)}>
          Change this order
        </button>
      )}
    </section>
  )
}

/** Sends only what was changed since the form opened, so that it takes back nothing that others change meanwhile. */
function EditForm({ order, onDone }: { order: Order; onDone: () => void }) {
  const scope = useStoreScope()
  const submission = useSubmission()
  const [initial] = useState(order)
  const [quantities, setQuantities] = useState(() => new Map(order.items.map((item) => [item.id, item.quantity])))
  const hasItems = order.status === 'pending' || order.status === 'confirmed'
  const money = (amount: number) => moneyText(amount, order.currency)
  const parse = (text: string) => parseMoney(text || '0', order.currency)
  const left = order.items.filter((item) => (quantities.get(item.id) ?? 0) > 0)
  const isChanged = order.items.some((item) => quantities.get(item.id) !== item.quantity)
  return (
    <Form
      submission={submission}
      onDone={onDone}
      onSubmit={async (fields) => {
        const items = left.map((item) => ({ id: item.id, quantity: quantities.get(item.id) ?? item.quantity }))
        const entered: Partial<Order> = {
          tableNumber: fields.optional('tableNumber'),
          note: fields.optional('note'),
          ...(order.type === 'delivery' && { deliveryAddress: fields.optional('deliveryAddress') }),
          discount: fields.parsed('discount', parse, 'Enter an amount like 1.50'),
          tip: fields.parsed('tip', parse, 'Enter an amount like 1.50'),
        }
        const changed = Object.entries(entered).filter(([name, value]) => initial[name as keyof Order] !== value)
        const params = { storeId: scope.storeId, id: order.id }
        const body = { ...(hasItems && isChanged && { items }), ...Object.fromEntries(changed) }
        await take(scope, 'orders', rest.call('PATCH /stores/{storeId}/orders/{id}', { params, body }))
      }}
    >
      <h3>Change this order</h3>
      {hasItems &&
        order.items.map((item) => (
          <div key={item.id} className="edit-line">
            <span>{item.name}</span>
            <Quantity
              name={item.name}
              value={quantities.get(item.id) ?? 0}
              min={left.length === 1 && left[0] === item ? 1 : 0}
              onChange={(quantity) => setQuantities(new Map(quantities).set(item.id, quantity))}
            />
          </div>
        ))}
      <div className="pair">
        <TextField label="Table" name="tableNumber" defaultValue={order.tableNumber ?? ''} maxLength={120} autoComplete="off" />
        <TextField label="Tip" name="tip" inputMode="decimal" defaultValue={money(order.tip)} error={submission.errorOf('tip')} autoComplete="off" />
      </div>
      <TextField
        label="Discount"
        name="discount"
        inputMode="decimal"
        defaultValue={money(order.discount)}
        error={submission.errorOf('discount')}
        autoComplete="off"
      />
      {order.type === 'delivery' && <TextArea label="Address" name="deliveryAddress" defaultValue={order.deliveryAddress ?? ''} maxLength={500} />}
      <TextArea label="Note" name="note" defaultValue={order.note ?? ''} maxLength={1000} />
      <div className="form-actions">
        <button type="button" className="button" onClick={onDone}>
          Leave as it is
        </button>
        <button type="submit" className="button primary" disabled={submission.isBusy}>
          Save
        </button>
      </div>
    </Form>
  )
}
