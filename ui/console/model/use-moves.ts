import { useCallback } from 'react'
import { sendSoon } from '~/ui/console/model/outbox'
import { messageOf } from '~/ui/console/model/problems'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { notify } from '~/ui/console/model/toasts'
import { statusNames } from '~/ui/console/model/transitions'
import { take } from '~/ui/console/model/writes'
import type { Order } from '~/utils/contracts/order'
import type { OrderStatus } from '~/utils/contracts/order-document'

/** The second tap of a double one would hit what the first has put under the finger. */
const doubleTapMs = 300
let lastMoveAt = Number.NEGATIVE_INFINITY

/** Moves orders from status to status: shown at once, sent when that is possible, taken back when it is refused. */
export function useMoves() {
  const { storeId, state, outbox, isLive } = useStoreScope()
  return useCallback(
    async (order: Order, to: OrderStatus, reason?: string) => {
      if (performance.now() - lastMoveAt < doubleTapMs) return
      lastMoveAt = performance.now()
      try {
        const options = { params: { storeId, id: order.id }, body: { status: to, ...(reason && { reason }) } }
        const sent = await sendSoon(outbox, isLive, 'POST /stores/{storeId}/orders/{id}/status', options)
        await take({ storeId, state }, 'orders', Promise.resolve(sent.answer))
      } catch (error) {
        notify('error', `Order ${order.orderNumber} was not set to ${statusNames[to].toLowerCase()}. ${messageOf(error)}`)
      }
    },
    [storeId, state, outbox, isLive],
  )
}
