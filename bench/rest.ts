import { join } from 'node:path'
import { connect, type Fleet } from './fleet'
import type { Kind, LoadResult, LoadTask, PhaseResult } from './load'
import { inRounds } from './rounds'
import { type BenchServer, root } from './servers'
import { median, round, table } from './stats'

/**
 * Orders taken, moved and listed over REST: each round asks every server in turn, so that what else the machine does hits
 * all alike. With sockets, each hears of every write, and the next server has its turn when all of them have.
 */

export type RestOptions = { rounds: number; seconds: number; stores: number; kinds: Kind[]; sockets: number; warmupSeconds: number }
type Ratios = { ofBare: number; cpuOfBare: number; ofNode: number; cpuOfNode: number }
export type RestFigures = Partial<Record<Kind, Omit<PhaseResult, 'requests'> & Ratios>>

export const allKinds: Kind[] = ['orders', 'status', 'orderPage', 'productPage']
const connections = 16
const patienceMs = 30_000

async function load(server: BenchServer, { seconds, stores, kinds, warmupSeconds }: RestOptions, isWarmup: boolean): Promise<LoadResult> {
  const task: LoadTask = {
    port: server.port,
    pid: server.pid,
    connections,
    kinds,
    // Until the compilers are done: for some ten thousand writes they take a sixth of all CPU time.
    warmupMs: isWarmup ? warmupSeconds * 1000 : 400,
    phaseMs: seconds * 1000,
    targets: server.stores.slice(0, stores).map(({ storeId, productIds, token }) => ({
      path: `/api/v1/stores/${storeId}`,
      token,
      body: JSON.stringify({
        type: 'pickup',
        note: 'No onions',
        items: productIds.slice(0, 2).map((productId, index) => ({ productId, quantity: index + 1 })),
      }),
    })),
  }
  const child = Bun.spawn([process.execPath, 'run', join(root, 'bench/load.ts'), JSON.stringify(task)], { stdout: 'pipe', stderr: 'inherit' })
  const output = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`the load client failed against ${server.name}: ${output}`)
  return JSON.parse(output) as LoadResult
}

/** Writes at full speed until the compilers are done, for a measurement at a pace that would take them minutes. */
export async function warmUp(servers: BenchServer[], options: RestOptions): Promise<void> {
  for (const server of servers) process.stderr.write(`warm-up ${server.name}: ${told(await load(server, options, true))}\n`)
}

/** Resolves when every socket has heard of so many writes in all. */
async function heard(server: BenchServer, fleet: Fleet, writes: number): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const { fewest, most } = await fleet.ask({ kind: 'count' })
    if (most > writes) throw new Error(`${server.name} told of ${most} writes, and ${writes} were made`)
    if (fewest === writes) return
    if (performance.now() > deadline) throw new Error(`${writes - fewest} of ${writes} writes of ${server.name} were not told to everybody`)
    await Bun.sleep(20)
  }
}

/** Medians over the rounds; ratios are taken within a round, then their median. The first server is the measure. */
export async function measureRest(servers: BenchServer[], options: RestOptions): Promise<Map<string, RestFigures>> {
  const fleets = new Map<BenchServer, Fleet>()
  const writes = new Map<BenchServer, number>()
  if (options.sockets > 0) for (const server of servers) fleets.set(server, await connect(server, options.sockets))
  const measure = async (server: BenchServer, isWarmup: boolean) => {
    const result = await load(server, options, isWarmup)
    writes.set(server, (writes.get(server) ?? 0) + result.writes)
    const fleet = fleets.get(server)
    if (fleet) await heard(server, fleet, writes.get(server) ?? 0)
    return result
  }
  const results = await inRounds(servers, options.rounds, measure, told)
  for (const fleet of fleets.values()) await fleet.end()
  const [bare, node] = [results.get(servers[0]?.name ?? '') ?? [], results.get('node stack') ?? []]
  const figuresOf = (rounds: LoadResult[]): RestFigures =>
    Object.fromEntries(options.kinds.map((kind) => [kind, { ...figures(rounds, kind), ...ratios(rounds, bare, node, kind) }]))
  return new Map([...results].map(([name, rounds]) => [name, figuresOf(rounds)]))
}

const told = ({ phases }: LoadResult): string =>
  Object.entries(phases)
    .map(([kind, { requestsPerSecond, cpuMicros }]) => `${kind} ${round(requestsPerSecond)}/s at ${round(cpuMicros)} µs`)
    .join(', ')

const field = (result: LoadResult | undefined, kind: Kind, name: keyof PhaseResult): number => result?.phases[kind]?.[name] ?? Number.NaN

function figures(rounds: LoadResult[], kind: Kind) {
  const of = (name: keyof PhaseResult) => median(rounds.map((result) => field(result, kind, name)))
  return {
    requestsPerSecond: of('requestsPerSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    cpuMicros: of('cpuMicros'),
    failures: rounds.reduce((sum, result) => sum + field(result, kind, 'failures'), 0),
  }
}

function ratios(rounds: LoadResult[], bare: LoadResult[], node: LoadResult[], kind: Kind): Ratios {
  const of = (others: LoadResult[], name: keyof PhaseResult) =>
    median(rounds.map((result, index) => field(result, kind, name) / field(others[index], kind, name)))
  const [rate, cpu] = ['requestsPerSecond', 'cpuMicros'] as const
  return { ofBare: of(bare, rate), cpuOfBare: of(bare, cpu), ofNode: of(node, rate), cpuOfNode: of(node, cpu) }
}

const titles: Record<Kind, string> = { orders: 'POST order', status: 'POST status', orderPage: 'GET 50 orders', productPage: 'GET 50 products' }

export function restTable(figuresOf: Map<string, RestFigures>, kinds: Kind[]): string {
  const hasNode = figuresOf.has('node stack')
  const rows = kinds.flatMap((kind) =>
    [...figuresOf].flatMap(([name, { [kind]: figures }]) => {
      if (!figures) return []
      const { requestsPerSecond, p50Ms, p99Ms, cpuMicros, ofBare, cpuOfBare, ofNode, cpuOfNode, failures } = figures
      if (failures > 0) throw new Error(`${failures} requests of ${name} failed`)
      const shares = [ofBare, cpuOfBare, ...(hasNode ? [ofNode, cpuOfNode] : [])]
      return [
        [
          `${titles[kind]}: ${name}`,
          round(requestsPerSecond),
          round(p50Ms, 1),
          round(p99Ms, 1),
          round(cpuMicros),
          ...shares.map((share) => round(share, 2)),
        ],
      ]
    }),
  )
  const ofNode = hasNode ? ['requests/s of node stack', 'CPU of node stack'] : []
  return table(['', 'requests/s', 'p50 ms', 'p99 ms', 'server CPU µs', 'requests/s of bare', 'CPU of bare', ...ofNode], rows)
}
