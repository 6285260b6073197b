import { timingSafeEqual } from 'node:crypto'
import { hashToken } from '~/controllers/session.controllers'
import { newRouter } from '~/routes/router'
import { unauthorized } from '~/utils/errors'
import { registry } from '~/utils/metrics'
import { askWorkers, hasSupervisor } from '~/utils/worker-link'

/** Prometheus' text format; with `METRICS_TOKEN` set, for its bearer only. Not part of the JSON API. */
export const metricsRoutes = newRouter()

metricsRoutes.get('/metrics', async (c) => {
  const expected = c.env.config.metricsToken
  if (expected !== undefined) {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
    // Hashes have one length, so the comparison tells nothing of the token's.
    if (!timingSafeEqual(hashToken(given), hashToken(expected))) throw unauthorized()
  }
  c.header('Cache-Control', 'no-store')
  const text = hasSupervisor() ? await metricsOfWorkers() : await registry.metrics()
  return c.body(text, 200, { 'Content-Type': registry.contentType })
})

/** Sums, worst or mean values, as each figure says; only workers need the library's part for clusters. */
async function metricsOfWorkers(): Promise<string> {
  const { AggregatorRegistry } = await import('prom-client')
  const parts = await askWorkers('metrics', () => registry.getMetricsAsJSON())
  return AggregatorRegistry.aggregate(parts).metrics()
}
