import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgres } from '~/scripts/postgres'
import { captureFrames } from './events'
import { enlist } from './fleet'
import { type Frames, growEvents, growFilters, growSockets } from './growth-delivery'
import { growLog, growResume } from './growth-log'
import { growStores } from './growth-stores'
import { type Curve, plot } from './plot'
import { type BenchServer, root, startPublish, startZipZap } from './servers'
import { round, table } from './stats'

/**
 *   bun run bench:growth [--only sockets,events,stores,filters,log,resume] [--rounds 2] [--seconds 1] [--full]
 *
 * How the cost grows, ZipZap beside Bun's own publish where that has such a thing: medians over the rounds. Prints a table
 * for each curve, keeps the figures in bench/results and draws the curves into docs/plots. `--full` has a log of ten million.
 */

export type GrowthOptions = { rounds: number; seconds: number; isFull: boolean }

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'sockets,events,stores,filters,log,resume' },
    rounds: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '1' },
    full: { type: 'boolean', default: false },
  },
})
const options: GrowthOptions = { rounds: Number(values.rounds), seconds: Number(values.seconds), isFull: values.full }
const at = new Date().toISOString()

async function keep(name: string, curve: Curve): Promise<void> {
  const results = join(root, 'bench/results')
  const plots = join(root, 'docs/plots')
  for (const directory of [results, plots]) mkdirSync(directory, { recursive: true })
  await Bun.write(join(results, `growth-${name}.json`), JSON.stringify({ at, bun: Bun.version, ...options, ...curve }, null, 2))
  await Bun.write(join(plots, `${name}.svg`), plot(curve))
  const xs = curve.series[0]?.points.map(({ x }) => round(x)) ?? []
  const rows = curve.series.map(({ name, points }) => [name, ...points.map(({ y }) => round(y, y < 100 ? 2 : 0))])
  console.log(`\n${curve.title} (${curve.y}; ${curve.x})\n\n${table(['', ...xs], rows)}`)
}

const cluster = await startPostgres({ durable: true })
const environment = { WS_MAX_CONNECTIONS: '60000', WS_MAX_ANONYMOUS_PER_IP: '60000', WS_HEARTBEAT_MS: '600000' }

/** The bare server and ZipZap, new ones for each kind of growth. */
async function besideBare(grow: (servers: BenchServer[], frames: Frames, options: GrowthOptions) => Promise<Record<string, Curve>>) {
  const zipzap = await startZipZap(cluster.url, environment)
  const servers = [await startPublish(), zipzap]
  try {
    const [group] = await enlist(zipzap, 1)
    if (!group) throw new Error('nobody listens')
    return await grow(servers, await captureFrames(zipzap, group), options)
  } finally {
    for (const server of servers) await server.stop()
  }
}

const parts: Record<string, () => Promise<Record<string, Curve>>> = {
  sockets: () => besideBare(growSockets),
  events: () => besideBare(growEvents),
  stores: () => besideBare(growStores),
  filters: () => besideBare(growFilters),
  log: () => growLog(cluster, options),
  resume: () => growResume(cluster, options),
}

try {
  for (const name of values.only.split(',')) {
    const curves = await parts[name]?.()
    if (!curves) throw new Error(`there is no part ${name}`)
    for (const [each, curve] of Object.entries(curves)) await keep(each, curve)
  }
} finally {
  await cluster.stop()
}
process.exit(0)
