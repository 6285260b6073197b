import { useEffect, useState } from 'react'
import { ApiError, request } from '~/ui/console/api'
import type { TrackedOrder } from '~/utils/contracts/tracking'

export function TrackPage() {
  const token = decodeURIComponent(location.pathname.split('/')[2] ?? '')
  const [order, setOrder] = useState<TrackedOrder>()
  const [failure, setFailure] = useState('')
  useEffect(() => {
    request<TrackedOrder>('GET', `/track/${encodeURIComponent(token)}`).then(
      ({ data }) => setOrder(data),
      (error: unknown) =>
        setFailure(error instanceof ApiError && error.status === 404 ? 'There is no such order.' : 'The order cannot be shown right now.'),
    )
  }, [token])
  return (
    <main className="narrow">
      <h1>{order ? `Order ${order.orderNumber}` : 'Your order'}</h1>
      <p role="status">{order ? order.status : failure || 'One moment …'}</p>
    </main>
  )
}
