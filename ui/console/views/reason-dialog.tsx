import { statusNames } from '~/ui/console/model/transitions'
import { Dialog } from '~/ui/console/parts/dialog'
import { Form, TextField, useSubmission } from '~/ui/console/parts/form'
import type { Order } from '~/utils/contracts/order'
import type { OrderStatus } from '~/utils/contracts/order-document'

/** Asks once before an order is ended against somebody's will. */
export function ReasonDialog({
  order,
  to,
  onClose,
  onConfirm,
}: {
  order: Order
  to: OrderStatus
  onClose: () => void
  onConfirm: (reason?: string) => void
}) {
  const submission = useSubmission()
  return (
    <Dialog title={`${to === 'rejected' ? 'Reject' : 'Cancel'} order ${order.orderNumber}?`} onClose={onClose}>
      <Form
        submission={submission}
        onSubmit={async (fields) => {
          onConfirm(fields.optional('reason') ?? undefined)
          onClose()
        }}
      >
        <p className="soft">It will be {statusNames[to].toLowerCase()} for good; counted stock comes back.</p>
        <TextField label="Reason (optional)" name="reason" maxLength={1000} autoComplete="off" />
        <div className="form-actions">
          <button type="button" className="button" onClick={onClose}>
            Keep the order
          </button>
          <button type="submit" className="button danger">
            {to === 'rejected' ? 'Reject' : 'Cancel order'}
          </button>
        </div>
      </Form>
    </Dialog>
  )
}
