import { useCallback, useState } from 'react'
import { messageOf } from '~/ui/console/model/problems'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { notify } from '~/ui/console/model/toasts'
import { statusNames } from '~/ui/console/model/transitions'
import { changeStatus } from '~/ui/console/model/writes'
import type { Order } from '~/utils/contracts/order'
import type { OrderStatus } from '~/utils/contracts/order-document'

/** Moves orders from status to status, one change of an order at a time; a refusal is told and changes nothing. */
export function useMoves() {
  const scope = useStoreScope()
  const [moving, setMoving] = useState<ReadonlySet<string>>(new Set())
  const { storeId, state } = scope

  const move = useCallback(
    async (order: Order, to: OrderStatus, reason?: string) => {
      setMoving((ids) => new Set(ids).add(order.id))
      try {
        await changeStatus({ storeId, state }, order.id, to, reason)
      } catch (error) {
        notify('error', `Order ${order.orderNumber} was not changed to ${statusNames[to].toLowerCase()}: ${messageOf(error)}`)
      } finally {
        setMoving((ids) => new Set([...ids].filter((id) => id !== order.id)))
      }
    },
    [storeId, state],
  )
  return { move, isMoving: (orderId: string) => moving.has(orderId) }
}
