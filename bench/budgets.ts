import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '~/scripts/postgres'
import { residentBytes } from './crowd'
import { captureFrames } from './events'
import { connect, enlist } from './fleet'
import { costOfDeliveries } from './growth-delivery'
import { measureRest } from './rest'
import { type BenchServer, bun, settings, spawnProgram, startBare, startPublish, startZipZap } from './servers'
import { median, round } from './stats'

/**
 *   bun run bench:budgets
 *
 * A slip of what things cost is seen before it is on main: CPU time and memory beside the bare machine in the same run. Each
 * budget is about twice what was last measured (docs/performance.md), so that a busy machine keeps within it.
 */

/** What may not be exceeded. */
type Finding = { what: string; figure: number; budget: number }

const deliverySockets = 1_000
/** Events a second, and what a delivery may cost. Faster than this, what else the machine does decides how many share a system call. */
const paces = new Map([
  [10, 3],
  [50, 3],
])

async function deliveries(servers: BenchServer[]): Promise<Finding[]> {
  const [bare, zipzap] = servers
  if (!bare || !zipzap) throw new Error('there is nothing to measure')
  const [group] = await enlist(zipzap, 1)
  if (!group) throw new Error('nobody listens')
  const frames = await captureFrames(zipzap, group)
  const costs = await costOfDeliveries(servers, frames, deliverySockets, [...paces.keys()], { rounds: 3, seconds: 1, isFull: false })
  const ratio = (pace: number) => (costs.get(zipzap.name)?.[pace] ?? Number.NaN) / (costs.get(bare.name)?.[pace] ?? Number.NaN)
  return [...paces].map(([pace, budget]) => ({
    what: `CPU of a delivery to ${round(deliverySockets)} sockets, ${pace} events a second, of bare Bun`,
    figure: ratio(pace),
    budget,
  }))
}

const memorySockets = 2_000

async function memory(servers: BenchServer[]): Promise<Finding[]> {
  const bytes: number[] = []
  for (const server of servers) {
    const before = await residentBytes(server.pid)
    const fleet = await connect(server, memorySockets)
    bytes.push(((await residentBytes(server.pid)) - before) / memorySockets)
    await fleet.end()
  }
  const [ofBare = Number.NaN, ofZipZap = Number.NaN] = bytes
  process.stderr.write(`bytes a socket: ${round(ofZipZap)}, bare ${round(ofBare)}\n`)
  return [{ what: `bytes of memory a socket, with ${round(memorySockets)} of them`, figure: ofZipZap, budget: 15_000 }]
}

async function writes(servers: BenchServer[]): Promise<Finding[]> {
  const figures = await measureRest(servers, { rounds: 3, seconds: 1, stores: 8, kinds: ['orders', 'status'], sockets: 0, warmupSeconds: 10 })
  const of = figures.get('ZipZap')
  return [
    { what: 'CPU of POST order, of bare Hono', figure: of?.orders?.cpuOfBare ?? Number.NaN, budget: 4 },
    { what: 'CPU of POST status, of bare Hono', figure: of?.status?.cpuOfBare ?? Number.NaN, budget: 4 },
  ]
}

/** CPU ms of a program from its start to the moment when `isUp` resolves and it is killed. */
async function cpuOfStart(command: string[], environment: Record<string, string>, isUp: (output: AsyncIterable<Uint8Array>) => Promise<void>) {
  const child = spawnProgram(command, environment)
  await isUp(child.stdout)
  child.kill('SIGTERM')
  await child.exited
  return Number(child.resourceUsage()?.cpuTime.total ?? Number.NaN) / 1000
}

async function prints(output: AsyncIterable<Uint8Array>, sign: string): Promise<void> {
  let text = ''
  for await (const chunk of output) {
    text += new TextDecoder().decode(chunk)
    if (text.includes(sign)) return
  }
  throw new Error(`it ended without "${sign}": ${text}`)
}

const embeddedAlone = `
  const { PGlite } = await import('@electric-sql/pglite')
  const client = await PGlite.create(process.env.DATA_DIR)
  await client.query('select 1')
  console.log('ready')`

/** From the second start on the database is there: what is left is loading the program and opening it. */
async function secondStart(): Promise<Finding[]> {
  const directory = mkdtempSync(join(tmpdir(), 'zipzap-start-'))
  const ours = { ...settings, DATA_DIR: join(directory, 'zipzap') }
  const bare = { DATA_DIR: join(directory, 'bare') }
  const start = () => cpuOfStart(bun('server.ts'), ours, (output) => prints(output, '"port":'))
  const open = () => cpuOfStart([process.execPath, '--no-env-file', '-e', embeddedAlone], bare, (output) => prints(output, 'ready'))
  const ratios: number[] = []
  try {
    for (let number = 0; number <= 3; number++) {
      const [own, alone] = [await start(), await open()]
      // The first time both make their databases.
      if (number > 0) ratios.push(own / alone)
      process.stderr.write(`start: ${round(own)} ms of CPU, the embedded database alone ${round(alone)} ms\n`)
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  return [{ what: 'CPU of a second start, of opening the embedded database alone', figure: median(ratios), budget: 3 }]
}

const cluster = await startPostgres({ durable: true })
const crowded = { WS_MAX_CONNECTIONS: '60000', WS_MAX_ANONYMOUS_PER_IP: '60000', WS_HEARTBEAT_MS: '600000' }
const zipzap = await startZipZap(cluster.url, crowded)
const publish = await startPublish()
const bare = await startBare(cluster.url, {}, 'bare Hono')
const findings: Finding[] = []
try {
  findings.push(...(await memory([publish, zipzap])))
  findings.push(...(await deliveries([publish, zipzap])))
  findings.push(...(await writes([bare, zipzap])))
  findings.push(...(await secondStart()))
} finally {
  for (const server of [zipzap, publish, bare]) await server.stop()
  await cluster.stop()
}
const isWithin = ({ figure, budget }: Finding) => figure <= budget
for (const finding of findings) {
  const digits = finding.budget > 100 ? 0 : 2
  console.log(
    `${isWithin(finding) ? '(pass)' : '(fail)'} ${finding.what}: ${round(finding.figure, digits)}, allowed ${round(finding.budget, digits)}`,
  )
}
const failed = findings.filter((finding) => !isWithin(finding)).length
console.log(` ${findings.length - failed} pass\n ${failed} fail`)
process.exit(failed > 0 ? 1 : 0)
