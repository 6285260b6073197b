import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Process, residentBytesOf } from '~/bench/process'
import { startPostgres } from '../../scripts/postgres'
import { ApiClient } from '../support/api'
import { portOf, type ServerProcess, spawnServer } from '../support/process'
import type { ReaderAnswer, ReaderCommand } from './readers'
import type { Member } from './sockets'

/**
 * Two hundred clients stop reading while large products change as fast as PostgreSQL takes the changes. Beside them a few
 * clients read, and their delays are compared with those of phases without the two hundred, and with phases in which the
 * two hundred read as well. Afterwards everybody reads again, and must have every event once.
 *
 * Longer phases may log more than the 10,000 events that a client may come back for.
 *
 *   bun run load:slow [--slow 200] [--others 10] [--writers 8] [--seconds 6] [--rounds 3]
 */

const { values } = parseArgs({
  options: {
    slow: { type: 'string', default: '200' },
    others: { type: 'string', default: '10' },
    writers: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
  },
})
const slow = Number(values.slow)
const others = Number(values.others)
const writers = Number(values.writers)
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)
const socketsPerUser = 50
const boundBytes = 1024 * 1024
const descriptionLength = 3_990
/** A change is logged as the whole product, and little beside its description. */
const frameBytes = descriptionLength + 700

type Shop = { owner: ApiClient; storeId: string; productIds: string[] }
type Phase = { p50: number; p99: number; max: number; events: number; mebibytesPerSecond: number; peakBytes: number; closes: number }

const directory = mkdtempSync(join(tmpdir(), 'zipzap-load-'))
const cluster = await startPostgres({ settings: { max_connections: '50' } })
let started: ServerProcess | undefined
const startReaders = () => new Process<ReaderCommand, ReaderAnswer>(join(import.meta.dir, 'readers.ts'))

async function openShop(server: ServerProcess): Promise<Shop> {
  const { data } = await server.api.post('/auth/register', { email: 'olga@zipzap.test', password: 'correct horse battery', firstName: 'Olga' })
  const owner = new ApiClient(server.api.server, data.token)
  const storeId = (await owner.post('/stores', { name: 'Corner' })).data.id
  const productIds: string[] = []
  for (let index = 0; index < writers; index++) {
    productIds.push((await owner.post(`/stores/${storeId}/products`, { name: `Product ${index}`, price: 500 })).data.id)
  }
  return { owner, storeId, productIds }
}

async function enlist({ owner, storeId }: Shop, sockets: number): Promise<Member[]> {
  const members: Member[] = []
  for (let left = sockets; left > 0; left -= socketsPerUser) {
    const { data } = await owner.post(`/stores/${storeId}/devices`, { name: 'Screen', role: 'staff' })
    const member = { userId: data.device.userId, token: data.token, storeId }
    members.push(...Array.from({ length: Math.min(left, socketsPerUser) }, () => member))
  }
  return members
}

let changes = 0

/** Changes products for so long, each writer its own, one after the other; answers how many changes there were. */
async function changeProducts({ owner, storeId, productIds }: Shop, isOver: () => boolean): Promise<number> {
  let events = 0
  const write = async (productId: string) => {
    while (!isOver()) {
      const description = `${++changes} `.padEnd(descriptionLength, 'tasty ')
      const { status } = await owner.patch(`/stores/${storeId}/products/${productId}`, { description })
      if (status !== 200) throw new Error(`a change was answered ${status}`)
      events += 1
    }
  }
  await Promise.all(productIds.map(write))
  return events
}

async function headOf({ owner, storeId }: Shop): Promise<number> {
  return (await owner.get(`/stores/${storeId}/snapshot`)).data.position.seq
}

async function measure(server: ServerProcess, shop: Shop, watchers: Process<ReaderCommand, ReaderAnswer>): Promise<Phase> {
  await watchers.ask({ kind: 'take' })
  let peakBytes = 0
  const sampler = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytesOf(server.pid))
  }, 50)
  const endsAt = performance.now() + seconds * 1000
  const events = await changeProducts(shop, () => performance.now() > endsAt)
  await watchers.ask({ kind: 'reach', seq: await headOf(shop), stalledMs: 20_000 })
  clearInterval(sampler)
  const { delays, faults, closes } = await watchers.ask({ kind: 'take' })
  if (faults.length > 0 || closes > 0 || delays.length !== events * others) {
    throw new Error(`the others were disturbed: ${closes} closes, ${delays.length} of ${events * others} events, ${faults.join('; ')}`)
  }
  delays.sort((a, b) => a - b)
  const at = (part: number) => delays[Math.floor((delays.length - 1) * part)] ?? Number.NaN
  return {
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
    events,
    mebibytesPerSecond: (events * frameBytes) / seconds / 2 ** 20,
    peakBytes,
    closes,
  }
}

/** One phase beside so many clients that behave as said. */
async function beside(
  server: ServerProcess,
  shop: Shop,
  watchers: Process<ReaderCommand, ReaderAnswer>,
  members: Member[],
  reads: boolean,
): Promise<Phase> {
  const crowd = startReaders()
  await crowd.ask({ kind: 'open', port: portOf(server), members })
  if (!reads) await crowd.ask({ kind: 'pause' })
  const phase = await measure(server, shop, watchers)
  if (!reads) await crowd.ask({ kind: 'resume' })
  const head = await headOf(shop)
  const { seqs, faults, closes } = await crowd.ask({ kind: 'reach', seq: head, stalledMs: 30_000 })
  const incomplete = seqs.filter((seq) => seq !== head).length
  if (incomplete > 0 || faults.length > 0)
    throw new Error(`${incomplete} of ${seqs.length} got no further than ${Math.min(...seqs)} of ${head}: ${faults.join('; ')}`)
  await crowd.ask({ kind: 'end' })
  await crowd.end()
  return { ...phase, closes }
}

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

async function main(): Promise<void> {
  started = await spawnServer(directory, { DATABASE_URL: cluster.url, WS_MAX_BUFFERED_BYTES: String(boundBytes) })
  const server = started
  const shop = await openShop(server)
  const watchers = startReaders()
  await watchers.ask({ kind: 'open', port: portOf(server), members: await enlist(shop, others) })
  const members = await enlist(shop, slow)
  const phases: Record<string, Phase[]> = {}
  const note = (name: string, phase: Phase) => {
    phases[name] = [...(phases[name] ?? []), phase]
    console.error(name, JSON.stringify(phase))
  }
  await measure(server, shop, watchers)
  for (let round = 0; round < rounds; round++) {
    note('without them', await measure(server, shop, watchers))
    note('they stop reading', await beside(server, shop, watchers, members, false))
    note('they read', await beside(server, shop, watchers, members, true))
  }
  console.log(`${slow} clients beside ${others}, ${writers} writers, medians of ${rounds} phases of ${seconds} s`)
  console.log(
    '| | MiB/s logged | events/s | p50, ms | p99, ms | max, ms | peak memory, MiB | closed |\n| --- | --- | --- | --- | --- | --- | --- | --- |',
  )
  for (const [name, all] of Object.entries(phases)) {
    const of = (pick: (phase: Phase) => number, digits = 0) => median(all.map(pick)).toFixed(digits)
    const cells = [
      name,
      of((phase) => phase.mebibytesPerSecond, 1),
      of((phase) => phase.events / seconds),
      of((phase) => phase.p50),
      of((phase) => phase.p99),
      of((phase) => phase.max),
      of((phase) => phase.peakBytes / 2 ** 20),
      of((phase) => phase.closes),
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
  await watchers.end()
}

try {
  await main()
} finally {
  await started?.end('SIGKILL')
  await cluster.stop()
  rmSync(directory, { recursive: true, force: true })
}
process.exit()
