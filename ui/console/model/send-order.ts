import type { z } from 'zod'
import { newId } from '~/ui/client/id'
import { sendSoon } from '~/ui/console/model/outbox'
import { messageOf } from '~/ui/console/model/problems'
import type { StoreScope } from '~/ui/console/model/store-scope'
import { notify } from '~/ui/console/model/toasts'
import { take } from '~/ui/console/model/writes'
import type { createOrderSchema } from '~/utils/contracts/order'

/**
 * Sends an order under this page's own id: sent twice, it is still one order. Without a connection it is kept on this
 * device. Throws what the server refuses at once; a later refusal is told as a notice.
 */
export async function sendOrder(scope: StoreScope, order: z.input<typeof createOrderSchema>): Promise<void> {
  const { storeId, outbox, isLive, session } = scope
  const id = newId()
  session.markOwn(id)
  const sent = await sendSoon(outbox, isLive, 'POST /stores/{storeId}/orders', { params: { storeId }, body: { id, ...order } })
  const taken = take(scope, 'orders', Promise.resolve(sent.answer))
  if (sent.isDone) return notify('success', `Order ${(await taken).orderNumber} is in`)
  notify('warning', 'The order is kept on this device and will be sent as soon as the server can be reached')
  taken.then(
    ({ orderNumber }) => notify('success', `Order ${orderNumber}, which had to wait, is in`),
    (error: unknown) => notify('error', `An order that had to wait was refused. ${messageOf(error)}`),
  )
}
