import Counter from 'prom-client/lib/counter'
import Gauge from 'prom-client/lib/gauge'
import Histogram from 'prom-client/lib/histogram'
import collectGarbageCollection from 'prom-client/lib/metrics/gc'
import collectHeap from 'prom-client/lib/metrics/heapSizeAndUsed'
import collectMemory from 'prom-client/lib/metrics/osMemoryHeap'
import collectProcessor from 'prom-client/lib/metrics/processCpuTotal'
import collectMaxDescriptors from 'prom-client/lib/metrics/processMaxFileDescriptors'
import collectDescriptors from 'prom-client/lib/metrics/processOpenFileDescriptors'
import collectStartTime from 'prom-client/lib/metrics/processStartTime'
import collectVersion from 'prom-client/lib/metrics/version'
import Registry from 'prom-client/lib/registry'

/**
 * The parts of prom-client that are used. Its index loads the HTTP client of a push gateway and node:cluster as well,
 * which is a twentieth of a start.
 */
export { Counter, Gauge, Histogram, Registry }

const collectors = [
  collectProcessor,
  collectStartTime,
  collectMemory,
  collectDescriptors,
  collectMaxDescriptors,
  collectHeap,
  collectVersion,
  collectGarbageCollection,
]

/** What the library tells of any process, but for the event loop: utils/event-loop-delay.ts does that. */
export function collectProcessMetrics(registry: Registry): void {
  for (const collect of collectors) collect(registry)
}
