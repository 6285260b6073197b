import { expect, test } from 'bun:test'
import { collectEventLoopDelay } from '~/utils/event-loop-delay'
import { Registry } from '~/utils/prometheus'
import { tickMs } from '~/utils/ticker'
import { Scrape } from './support/scrape'
import { testServer } from './support/server'
import { nextTick } from './support/tick'

function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

/** What a scrape tells, by statistic, in seconds. */
async function scrape(registry: Registry): Promise<Record<string, number>> {
  const figures = (await registry.metrics()).matchAll(/^nodejs_eventloop_lag_(\w+)_seconds (.+)$/gm)
  return Object.fromEntries([...figures].map(([, statistic, value]) => [statistic, Number(value)]))
}

test('a tick that comes late is told, once; a busy process is sampled between its ticks as well', async () => {
  const registry = new Registry()
  collectEventLoopDelay(registry)
  await nextTick()
  await scrape(registry)
  block(tickMs * 1.4)
  await nextTick()
  const late = await scrape(registry)
  expect(late.max).toBeGreaterThan(0.35)
  expect(late.p99).toBeGreaterThan(0.35)
  expect(await scrape(registry)).toEqual({ min: 0, max: 0, mean: 0, stddev: 0, p50: 0, p90: 0, p99: 0 })
  // It was busy in the second before.
  block(150)
  await new Promise((resolve) => setTimeout(resolve, 1))
  expect((await scrape(registry)).max).toBeGreaterThan(0.08)
})

test('Prometheus is told of it', async () => {
  const { base } = await testServer()
  await nextTick()
  await Scrape.of(base)
  block(tickMs * 1.4)
  await nextTick()
  expect((await Scrape.of(base)).value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0.35)
})
