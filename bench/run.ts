import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { crowdTable, measureCrowd } from '~/bench/crowd'
import { fanoutTable, measureFanout } from '~/bench/fanout'
import { filtersTable, measureFilters } from '~/bench/filters'
import { type HeldOptions, heldTable, measureHeld } from '~/bench/held'
import { idleTable, measureIdle } from '~/bench/idle'
import { latencyTable, measureLatency } from '~/bench/latency'
import { startNodeStack, startRivals } from '~/bench/peers'
import { allKinds, measureRest, type RestOptions, restTable, warmUp } from '~/bench/rest'
import { startPostgres } from '~/scripts/postgres'
import { type BenchServer, root, startBare, startPublish, startZipZap } from './servers'
import { everywhere, startPublishWorkers, startZipZapWorkers } from './workers'

/**
 *   bun run bench [--only rest,fanout,crowd] [--rounds 3] [--seconds 1] [--stores 8] [--sockets 10000] [--idle-seconds 60] [--warmup-seconds 10] [--embedded]
 *
 * ZipZap beside the bare machine: orders and lists over REST beside Hono with the same business SQL and beside Express, one event
 * to many sockets and sockets that come back beside Bun's own publish. Only when asked for: writes that a hundred sockets hear
 * (`sockets100`), how long it takes until they do (`latency`), half as many sockets with filters (`filters`), sockets that
 * do nothing (`idle`), and as many as can be held (`held`). Ratios within a round, medians over the rounds. Prints Markdown tables and keeps the figures in
 * bench/results.
 */

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'rest,fanout,crowd' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
    stores: { type: 'string', default: '8' },
    sockets: { type: 'string', default: '10000' },
    'idle-seconds': { type: 'string', default: '60' },
    'warmup-seconds': { type: 'string', default: '10' },
    held: { type: 'string', default: '18000,50000' },
    embedded: { type: 'boolean', default: false },
  },
})
const options = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  stores: Number(values.stores),
  sockets: Number(values.sockets),
  warmupSeconds: Number(values['warmup-seconds']),
}

const postgres = values.embedded ? null : await startPostgres({ durable: true })
const engine = postgres ? 'PostgreSQL' : 'PGlite'
const at = new Date().toISOString()

/** Runs one part on servers of its own, keeps its figures and prints its table. */
async function part(
  name: string,
  start: () => Promise<BenchServer[]>,
  measure: (servers: BenchServer[]) => Promise<{ figures: object; table: string }>,
) {
  if (!values.only.split(',').includes(name)) return
  const servers = await start()
  try {
    const { figures, table } = await measure(servers)
    const results = join(root, 'bench/results')
    mkdirSync(results, { recursive: true })
    await Bun.write(
      join(results, `${name}-${engine.toLowerCase()}.json`),
      JSON.stringify({ at, bun: Bun.version, engine, ...options, figures }, null, 2),
    )
    console.log(`\n${engine}, Bun ${Bun.version}, ${options.rounds} rounds, ${at.slice(0, 10)}\n\n${table}`)
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
  }
}

const url = postgres?.url ?? null
const crowded = { WS_MAX_CONNECTIONS: '60000', WS_MAX_ANONYMOUS_PER_IP: '60000' }
/** A heartbeat in the midst of a measurement would be counted with it. */
const silent = { WS_HEARTBEAT_MS: '600000' }
const besidePublish = async () => [await startPublish(), await startZipZap(url, crowded)]
/** Node has no embedded database. */
const writers = async () => {
  const node = url && (await startNodeStack(url))
  return [await startBare(url, {}, 'bare Hono'), ...(node ? [node] : []), await startZipZap(url)]
}
const rest = async (servers: BenchServer[], restOptions: RestOptions) => {
  const figures = await measureRest(servers, restOptions)
  return { figures: Object.fromEntries(figures), table: restTable(figures, restOptions.kinds) }
}

try {
  await part('rest', writers, (servers) => rest(servers, { ...options, kinds: allKinds, sockets: 0 }))
  await part('sockets100', writers, (servers) => rest(servers, { ...options, stores: 1, kinds: ['orders', 'status'], sockets: 100 }))
  await part('latency', writers, async (servers) => {
    await warmUp(servers, { ...options, stores: 1, kinds: ['orders', 'status'], sockets: 0 })
    const figures = await measureLatency(servers, options)
    return { figures: Object.fromEntries(figures), table: latencyTable(figures) }
  })
  await part(
    'fanout',
    async () => [await startPublish(), ...(await startRivals()), await startZipZap(url, { ...crowded, ...silent })],
    async (servers) => {
      const zipzap = servers.at(-1)
      if (!zipzap) throw new Error('there is nothing to measure')
      const figures = await measureFanout(servers, zipzap, options)
      return { figures: Object.fromEntries(figures), table: fanoutTable(figures) }
    },
  )
  await part('crowd', besidePublish, async (servers) => {
    const crowd = { rounds: options.rounds, sockets: options.sockets, idleSeconds: options.seconds }
    const figures = await measureCrowd(servers, crowd)
    return { figures: Object.fromEntries(figures), table: crowdTable(figures, crowd) }
  })
  await part(
    'filters',
    async () => [await startZipZap(url, { ...crowded, ...silent })],
    async ([server]) => {
      if (!server) throw new Error('there is nothing to measure')
      const filters = { ...options, sockets: options.sockets / 2 }
      const figures = await measureFilters(server, filters)
      return { figures: Object.fromEntries(figures), table: filtersTable(figures, filters) }
    },
  )
  await part(
    'idle',
    async () => [await startZipZap(url, crowded), await startZipZap(url, crowded, 'ZipZap without sockets')],
    async ([crowd, empty]) => {
      if (!crowd || !empty) throw new Error('there is nothing to measure')
      const idle = { ...options, idleSeconds: Number(values['idle-seconds']) }
      const figures = await measureIdle([crowd, empty], idle)
      return { figures: Object.fromEntries(figures), table: idleTable(figures, idle) }
    },
  )
  const [sockets = 0, socketsOverWorkers = 0] = values.held.split(',').map(Number)
  const held: HeldOptions = { sockets, socketsOverWorkers, events: options.rounds }
  // All come at once to a machine that serves their clients as well: nobody is sent away for being slow.
  const patient = { ...crowded, ...silent, WS_AUTH_TIMEOUT_MS: '600000' }
  const overWorkers = async () => (url ? [await startPublishWorkers(3), await startZipZapWorkers(url, 3, patient)] : [])
  await part(
    'held',
    async () => [await startPublish(everywhere), await startZipZap(url, { ...patient, ...everywhere }), ...(await overWorkers())],
    async (servers) => {
      const figures = await measureHeld(servers, held)
      return { figures: Object.fromEntries(figures), table: heldTable(figures, held) }
    },
  )
} finally {
  await postgres?.stop()
}
