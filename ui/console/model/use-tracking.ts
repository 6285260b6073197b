import { useEffect, useState } from 'react'
import { ZipZapClient } from '~/ui/client/client'
import { ApiError } from '~/ui/client/rest'
import { rest } from '~/ui/console/model/rest'
import { socketUrl } from '~/ui/console/model/socket-url'
import type { TrackedOrder } from '~/utils/contracts/tracking'

export type Tracking = { order: TrackedOrder | undefined; isLive: boolean; wasLive: boolean; isUnknown: boolean }

const retryMs = 3000

/**
 * The order of a tracking token. A guest's events have no positions, so after every connection the order is read again:
 * what happened in between is in that answer.
 */
export function useTracking(token: string): Tracking {
  const [order, setOrder] = useState<TrackedOrder>()
  const [isConnected, setConnected] = useState(false)
  const [isRead, setRead] = useState(false)
  const [wasLive, setWasLive] = useState(false)
  const [isUnknown, setUnknown] = useState(false)
  const isLive = isConnected && isRead
  if (isLive && !wasLive) setWasLive(true)

  useEffect(() => {
    const client = new ZipZapClient({ url: socketUrl(), identify: () => ({ trackingToken: token }) })
    let timer: ReturnType<typeof setTimeout> | undefined
    let isOver = false
    let reading = 0

    function learn(next: TrackedOrder) {
      setOrder((known) => (known && known.updatedAt > next.updatedAt ? known : next))
    }

    async function read() {
      clearTimeout(timer)
      const own = ++reading
      try {
        const { data } = await rest.call('GET /track/{token}', { params: { token } })
        if (isOver || own !== reading) return
        learn(data)
        setRead(true)
      } catch (error) {
        if (isOver || own !== reading) return
        if (error instanceof ApiError && (error.status === 404 || error.status === 422)) {
          client.stop()
          return setUnknown(true)
        }
        timer = setTimeout(read, retryMs)
      }
    }

    const endTracked = client.on('tracked', (frame) => (frame.type === 'order_status_changed' ? learn(frame.data) : void read()))
    const endState = client.subscribe(() => {
      const { state } = client.getSnapshot()
      setConnected(state === 'live')
      if (state !== 'live') setRead(false)
    })
    void read()
    client.start()
    return () => {
      isOver = true
      clearTimeout(timer)
      endTracked()
      endState()
      client.stop()
    }
  }, [token])

  return { order, isLive, wasLive, isUnknown }
}
