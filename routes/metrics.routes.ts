import { timingSafeEqual } from 'node:crypto'
import { hashToken } from '~/controllers/session.controllers'
import { newRouter } from '~/routes/router'
import { unauthorized } from '~/utils/errors'
import { registry } from '~/utils/metrics'
import { askWorkers } from '~/utils/worker-link'

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
  const parts = await askWorkers('metrics', () => registry.getMetricsAsJSON())
  return c.body(await textOf(parts), 200, { 'Content-Type': registry.contentType })
})

/** Of several workers the sums, worst or mean values; only they need the library's part for clusters. */
async function textOf(parts: object[]): Promise<string> {
  if (parts.length === 1) return registry.metrics()
  const { AggregatorRegistry } = await import('prom-client')
  return AggregatorRegistry.aggregate(parts).metrics()
}
