import { createHistogram } from 'node:perf_hooks'
import { Gauge, type Registry } from '~/utils/prometheus'
import { every, everySecond, tickMs } from '~/utils/ticker'

/** From this part of a core on a process is sampled closely. */
const busyShare = 0.05
const closelyMs = 50

/** Named as prom-client names them. */
const statistics = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'] as const
type Statistic = (typeof statistics)[number]

/**
 * How late timers come because the event loop is busy: with each turn of the ticker, and twenty times a second while the
 * process has something to do. Sampled as often when it has nothing, that would be most of what it does; a single pause of an
 * idle process may be missed.
 */
class EventLoopDelay {
  private readonly histogram = createHistogram()
  private usedMs = usedSoFarMs()
  private stopSampling: (() => void) | undefined

  constructor() {
    everySecond((lateMs) => {
      this.record(lateMs)
      const usedMs = usedSoFarMs()
      this.sampleClosely(usedMs - this.usedMs > busyShare * tickMs)
      this.usedMs = usedMs
    })
  }

  private record(lateMs: number): void {
    // In nanoseconds, of which a histogram wants one at least.
    this.histogram.record(Math.max(1, Math.round(lateMs * 1e6)))
  }

  private sampleClosely(isBusy: boolean): void {
    if (isBusy === (this.stopSampling !== undefined)) return
    this.stopSampling?.()
    this.stopSampling = isBusy ? every(closelyMs, (lateMs) => this.record(lateMs)) : undefined
  }

  /** In seconds, of all samples since the last call. */
  take(): Record<Statistic, number> {
    const { histogram } = this
    const secondsOf = (nanoseconds: number) => (histogram.count > 0 ? nanoseconds / 1e9 : 0)
    const figures = {
      min: secondsOf(histogram.min),
      max: secondsOf(histogram.max),
      mean: secondsOf(histogram.mean),
      stddev: secondsOf(histogram.stddev),
      p50: secondsOf(histogram.percentile(50)),
      p90: secondsOf(histogram.percentile(90)),
      p99: secondsOf(histogram.percentile(99)),
    }
    histogram.reset()
    return figures
  }
}

/** Of the processors, by all threads. */
function usedSoFarMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

export function collectEventLoopDelay(registry: Registry): void {
  const delay = new EventLoopDelay()
  let figures = delay.take()
  for (const [index, statistic] of statistics.entries()) {
    new Gauge({
      name: `nodejs_eventloop_lag_${statistic}_seconds`,
      help: `How late timers came since the last scrape: ${statistic}`,
      // Of several workers.
      aggregator: statistic === 'min' || statistic === 'max' ? statistic : 'average',
      registers: [registry],
      collect() {
        // They are asked in the order in which they were made.
        if (index === 0) figures = delay.take()
        this.set(figures[statistic])
      },
    })
  }
}
