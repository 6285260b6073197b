import { useEffect, useState } from 'react'
import { messageOf } from '~/ui/console/model/problems'
import { rest } from '~/ui/console/model/rest'

/** What the hub of the instance that answers said of itself. */
export type Sample = { connections: number; active: number; deliveriesPerSecond: number; answerMs: number }

const everyMs = 2000
const keptSamples = 90

/** Samples of the last three minutes, the latest last. While the page is hidden nothing is asked. */
export function useStats(): { samples: readonly Sample[]; problem: string } {
  const [samples, setSamples] = useState<readonly Sample[]>([])
  const [problem, setProblem] = useState('')

  useEffect(() => {
    let isCurrent = true
    let before: { deliveries: number; at: number } | undefined
    async function sample() {
      if (document.visibilityState !== 'visible') return
      const askedAt = performance.now()
      const { data } = await rest.call('GET /websocket/stats')
      if (!isCurrent) return
      const at = performance.now()
      // Less than before: another instance answered, or this one is new.
      const since = before && data.deliveries >= before.deliveries ? before : undefined
      const deliveriesPerSecond = since ? (1000 * (data.deliveries - since.deliveries)) / (at - since.at) : 0
      before = { deliveries: data.deliveries, at }
      setProblem('')
      const next = { connections: data.totalConnections, active: data.activeConnections, deliveriesPerSecond, answerMs: at - askedAt }
      setSamples((all) => [...all.slice(1 - keptSamples), next])
    }
    const run = () => void sample().catch((error: unknown) => isCurrent && setProblem(messageOf(error)))
    run()
    const timer = setInterval(run, everyMs)
    return () => {
      isCurrent = false
      clearInterval(timer)
    }
  }, [])
  return { samples, problem }
}
