import { closeCodes, wsErrors } from '~/utils/contracts/ws-codes'
import { errorCodes } from '~/utils/errors'
import { collectEventLoopDelay } from '~/utils/event-loop-delay'
import { Counter, collectProcessMetrics, Gauge, Histogram, Registry } from '~/utils/prometheus'
import { wsManager } from '~/utils/websocket'

/**
 * The process's figures in Prometheus' terms; names are modelled on Centrifugo's. Whoever does a thing counts it here;
 * figures that are only looked up (open sockets) are read when they are asked for.
 */

export const registry = new Registry()
collectProcessMetrics(registry)
collectEventLoopDelay(registry)

const registers = [registry]
const latencyBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

export const metrics = {
  closes: new Counter({ name: 'zipzap_ws_closes_total', help: 'Sockets closed, by close code', labelNames: ['code'], registers }),
  deliveries: new Counter({ name: 'zipzap_ws_deliveries_total', help: 'Events handed to live sockets', registers }),
  deliveredBytes: new Counter({ name: 'zipzap_ws_delivered_bytes_total', help: 'Length of the events handed to live sockets', registers }),
  resumes: new Counter({
    name: 'zipzap_ws_resumes_total',
    help: 'Positions that clients came back with, by result (yes, no) and reason',
    labelNames: ['result', 'reason'],
    registers,
  }),
  commitToSend: new Histogram({
    name: 'zipzap_ws_commit_to_send_seconds',
    help: 'From the news of a commit to the flush that sends it',
    buckets: latencyBuckets,
    registers,
  }),
  reconcileFound: new Counter({ name: 'zipzap_ws_reconcile_found_total', help: 'Streams that the reconciliation found behind the log', registers }),
  lagEvents: new Gauge({
    name: 'zipzap_ws_lag_events',
    help: 'How far the stream furthest behind was behind the log at the last comparison, in events',
    aggregator: 'max',
    registers,
  }),
  rejected: new Counter({ name: 'zipzap_ws_rejected_total', help: 'Upgrades and messages refused, by reason', labelNames: ['reason'], registers }),
  restRejected: new Counter({
    name: 'zipzap_rest_rejected_total',
    help: 'Requests answered with a failure, by reason (error.code)',
    labelNames: ['reason'],
    registers,
  }),
  appendSeconds: new Histogram({
    name: 'zipzap_log_append_seconds',
    help: 'Duration of the last group of a write: what was sent ahead, the append to the event log, and COMMIT',
    buckets: latencyBuckets,
    registers,
  }),
  unsealable: new Counter({
    name: 'zipzap_sealed_refused_total',
    help: 'Sealed events of the log that did not open: tampered with, or bound to another place',
    registers,
  }),
  appended: new Counter({ name: 'zipzap_log_appended_total', help: 'Events committed by this process', registers }),
} as const

// A counter that appears with its first event has no rate before it: an alert on it would miss that one.
for (const code of Object.keys(closeCodes)) metrics.closes.inc({ code }, 0)
for (const reason of Object.keys(wsErrors)) metrics.rejected.inc({ reason }, 0)
for (const reason of errorCodes) metrics.restRejected.inc({ reason }, 0)
for (const reason of ['epoch_changed', 'ahead', 'expired', 'too_far']) metrics.resumes.inc({ result: 'no', reason }, 0)
metrics.resumes.inc({ result: 'yes', reason: '' }, 0)

new Gauge({
  name: 'zipzap_ws_connections',
  help: 'Open sockets, by state',
  labelNames: ['state'],
  registers,
  collect() {
    const stats = wsManager.getStats()
    this.set({ state: 'authenticated' }, stats.totalConnections - stats.anonymousConnections)
    this.set({ state: 'anonymous' }, stats.anonymousConnections)
  },
})

new Gauge({
  name: 'zipzap_ws_streams',
  help: 'Streams held in memory',
  registers,
  collect() {
    this.set(wsManager.getStats().streams)
  },
})

new Gauge({
  name: 'zipzap_relay_up',
  help: '1 while news of other instances arrive without delay',
  // Of several workers the worst one counts.
  aggregator: 'min',
  registers,
  collect() {
    this.set(wsManager.getHealth().relay === 'ok' ? 1 : 0)
  },
})
