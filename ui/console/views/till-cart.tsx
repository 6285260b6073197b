import { type Dispatch, type SetStateAction, useState } from 'react'
import { type CartLine, type Charges, chosenOptions, describeChoices, estimate, noCharges, setQuantity, unitPriceOf } from '~/ui/console/model/cart'
import { formatMoney, parseMoney } from '~/ui/console/model/format'
import { sendOrder } from '~/ui/console/model/send-order'
import { isCounter, useStoreScope } from '~/ui/console/model/store-scope'
import { Choice, type Fields, Form, TextArea, TextField, useSubmission } from '~/ui/console/parts/form'
import { Icon } from '~/ui/console/parts/icon'
import { Quantity } from '~/ui/console/parts/quantity'
import { CustomerPicker } from '~/ui/console/views/customer-picker'
import type { Customer } from '~/utils/contracts/customer'
import type { OrderType } from '~/utils/contracts/order-document'

const types = [
  ['pickup', 'Pickup'],
  ['dine_in', 'Dine in'],
  ['delivery', 'Delivery'],
] as const

type Props = {
  lines: CartLine[]
  setLines: Dispatch<SetStateAction<CartLine[]>>
  charges: Charges
  setCharges: Dispatch<SetStateAction<Charges>>
  onBack: () => void
}

export function CartPane({ lines, setLines, charges, setCharges, onBack }: Props) {
  const scope = useStoreScope()
  const { store } = scope.data
  const submission = useSubmission()
  const [type, setType] = useState<OrderType>('pickup')
  const [customer, setCustomer] = useState<Customer>()
  const [formKey, setFormKey] = useState(0)
  const canCharge = isCounter(scope.role)

  async function submit(fields: Fields) {
    await sendOrder(scope, {
      type,
      items: lines.map((line) => ({
        productId: line.product.id,
        quantity: line.quantity,
        modifiers: line.choices,
        ...(line.note && { note: line.note }),
      })),
      ...(customer ? { customerId: customer.id } : newCustomer(fields)),
      ...(type === 'dine_in' && { tableNumber: fields.optional('tableNumber') }),
      ...(type === 'delivery' && { deliveryAddress: fields.optional('deliveryAddress') }),
      ...(type !== 'delivery' ? { ...charges, deliveryFee: 0 } : charges),
      note: fields.optional('note'),
      source: scope.role === 'kiosk' ? 'kiosk' : 'till',
    })
    setLines([])
    setCharges(noCharges)
    setCustomer(undefined)
    setFormKey(formKey + 1)
    onBack()
  }

  return (
    <aside className="cart" aria-label="The order">
      <Form key={formKey} className="cart-form" submission={submission} onSubmit={submit}>
        <header className="cart-head">
          <button type="button" className="button quiet square cart-back" aria-label="Back to the menu" onClick={onBack}>
            <Icon name="back" />
          </button>
          <Choice legend="Order type" name="type" options={types} value={type} onChange={setType} />
        </header>
        <CartLines lines={lines} setLines={setLines} currency={store.currency} />
        <div className="cart-fields">
          {type === 'dine_in' && (
            <TextField label="Table" name="tableNumber" maxLength={120} autoComplete="off" error={submission.errorOf('tableNumber')} />
          )}
          {type === 'delivery' && <TextArea label="Address" name="deliveryAddress" maxLength={500} error={submission.errorOf('deliveryAddress')} />}
          {canCharge && <CustomerPicker customer={customer} onPick={setCustomer} />}
          {!customer && (
            <div className="pair">
              <TextField label="Name" name="customerName" maxLength={120} autoComplete="off" error={submission.errorOf('customer.firstName')} />
              <TextField
                label="Phone"
                name="customerPhone"
                type="tel"
                maxLength={40}
                autoComplete="off"
                error={submission.errorOf('customer.phone')}
              />
            </div>
          )}
          <TextField label="Note" name="note" maxLength={1000} autoComplete="off" error={submission.errorOf('note')} />
          {canCharge && <ChargeFields setCharges={setCharges} currency={store.currency} hasFee={type === 'delivery'} />}
        </div>
        <CartTotals lines={lines} charges={type === 'delivery' ? charges : { ...charges, deliveryFee: 0 }} />
        <button type="submit" className="button primary wide tall" disabled={lines.length === 0 || submission.isBusy}>
          {submission.isBusy ? 'Sending …' : 'Send order'}
        </button>
      </Form>
    </aside>
  )
}

/** A phone number without a name still makes a customer that can be called back. */
function newCustomer(fields: Fields) {
  const [firstName, phone] = [fields.text('customerName'), fields.optional('customerPhone')]
  return firstName || phone ? { customer: { firstName: firstName || 'Guest', phone } } : {}
}

function CartLines({ lines, setLines, currency }: Pick<Props, 'lines' | 'setLines'> & { currency: string }) {
  if (lines.length === 0) return <p className="empty cart-empty">Tap a product to begin</p>
  return (
    <ul className="cart-lines">
      {lines.map((line) => (
        <li key={line.key}>
          <span className="cart-line-name">
            {line.product.name}
            {line.choices.length > 0 && <span className="soft line-detail">{describeChoices(chosenOptions(line.product, line.choices))}</span>}
            {line.note && <span className="line-detail card-note">{line.note}</span>}
          </span>
          <Quantity name={line.product.name} value={line.quantity} onChange={(quantity) => setLines((all) => setQuantity(all, line.key, quantity))} />
          <span className="number amount">{formatMoney(unitPriceOf(line.product, line.choices) * line.quantity, currency)}</span>
        </li>
      ))}
    </ul>
  )
}

function ChargeFields({ setCharges, currency, hasFee }: Pick<Props, 'setCharges'> & { currency: string; hasFee: boolean }) {
  const fields: [keyof Charges, string][] = [
    ['discount', 'Discount'],
    ['tip', 'Tip'],
    ...(hasFee ? [['deliveryFee', 'Delivery fee'] as [keyof Charges, string]] : []),
  ]
  return (
    <div className="pair">
      {fields.map(([name, label]) => (
        <MoneyField key={name} label={label} currency={currency} onChange={(amount) => setCharges((all) => ({ ...all, [name]: amount }))} />
      ))}
    </div>
  )
}

function MoneyField({ label, currency, onChange }: { label: string; currency: string; onChange: (amount: number) => void }) {
  const [text, setText] = useState('')
  const amount = parseMoney(text || '0', currency)
  return (
    <TextField
      label={label}
      inputMode="decimal"
      autoComplete="off"
      value={text}
      error={amount === null ? 'Enter an amount like 1.50' : undefined}
      onChange={(event) => {
        setText(event.currentTarget.value)
        onChange(Math.max(0, parseMoney(event.currentTarget.value || '0', currency) ?? 0))
      }}
    />
  )
}

function CartTotals({ lines, charges }: { lines: CartLine[]; charges: Charges }) {
  const { store } = useStoreScope().data
  const totals = estimate(lines, charges, store)
  const money = (amount: number) => formatMoney(amount, store.currency)
  const rows: [string, number][] = [
    ['Subtotal', totals.subtotal],
    ['Discount', -totals.discount],
    [store.pricesIncludeTax ? 'Tax contained' : 'Tax', totals.tax],
    ['Delivery fee', totals.deliveryFee],
    ['Tip', totals.tip],
  ]
  return (
    <dl className="totals">
      {rows.map(
        ([name, amount]) =>
          (amount !== 0 || name === 'Subtotal') && (
            <div key={name}>
              <dt>{name}</dt>
              <dd className="number">{money(amount)}</dd>
            </div>
          ),
      )}
      <div className="grand">
        <dt>Total</dt>
        <dd className="number" data-testid="cart-total">
          {money(totals.total)}
        </dd>
      </div>
    </dl>
  )
}
