import type { StoreScope } from '~/ui/console/model/store-scope'
import { notify } from '~/ui/console/model/toasts'
import { newId } from '~/ui/console/model/uuid'
import { saveRow } from '~/ui/console/model/writes'

/** Sends an order under this page's own id: sent twice, it is still one order. */
export async function sendOrder(scope: StoreScope, order: object): Promise<void> {
  const id = newId()
  scope.connection.markOwn(id)
  const created = await saveRow(scope, 'orders', undefined, { id, ...order })
  notify('success', `Order ${created.orderNumber} is in`)
}
