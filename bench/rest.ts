import { join } from 'node:path'
import type { LoadResult, LoadTask, PhaseResult } from './load'
import { type BenchServer, root } from './servers'
import { median, round, table } from './stats'

/** Orders taken, moved and listed over REST: each round asks every server in turn, so that what else the machine does hits all alike. */

export type RestOptions = { rounds: number; seconds: number; stores: number }
export type Kind = keyof LoadResult
export type RestFigures = Record<Kind, Omit<PhaseResult, 'requests'> & { ofBare: number; cpuOfBare: number }>

const connections = 16

async function load(server: BenchServer, { seconds, stores }: RestOptions, isFirst: boolean): Promise<LoadResult> {
  const task: LoadTask = {
    port: server.port,
    pid: server.pid,
    connections,
    warmupMs: isFirst ? 2500 : 400,
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

/** Medians over the rounds; ratios are taken within a round, then their median. The first server is the measure. */
export async function measureRest(servers: BenchServer[], options: RestOptions): Promise<Map<string, RestFigures>> {
  const results = new Map<string, LoadResult[]>(servers.map((server) => [server.name, []]))
  for (let number = 0; number <= options.rounds; number++) {
    const order = number % 2 ? [...servers].reverse() : servers
    for (const server of order) {
      const result = await load(server, options, number === 0)
      // The first round warms everything up.
      if (number > 0) results.get(server.name)?.push(result)
      const said = kinds.map((kind) => `${titles[kind]} ${round(result[kind].requestsPerSecond)}/s at ${round(result[kind].cpuMicros)} µs`)
      process.stderr.write(`${number === 0 ? 'warm-up' : `round ${number}`} ${server.name}: ${said.join(', ')}\n`)
    }
  }
  const bare = results.get(servers[0]?.name ?? '') ?? []
  const figuresOf = (rounds: LoadResult[]): RestFigures => ({
    orders: figures(rounds, bare, 'orders'),
    status: figures(rounds, bare, 'status'),
    orderPage: figures(rounds, bare, 'orderPage'),
    productPage: figures(rounds, bare, 'productPage'),
  })
  return new Map([...results].map(([name, rounds]) => [name, figuresOf(rounds)]))
}

function figures(rounds: LoadResult[], bare: LoadResult[], kind: Kind): RestFigures[Kind] {
  const of = (field: keyof PhaseResult) => median(rounds.map((result) => result[kind][field]))
  const ratio = (field: keyof PhaseResult) => median(rounds.map((result, index) => result[kind][field] / (bare[index]?.[kind][field] ?? Number.NaN)))
  return {
    requestsPerSecond: of('requestsPerSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    cpuMicros: of('cpuMicros'),
    failures: rounds.reduce((sum, result) => sum + result[kind].failures, 0),
    ofBare: ratio('requestsPerSecond'),
    cpuOfBare: ratio('cpuMicros'),
  }
}

const titles: Record<Kind, string> = { orders: 'POST order', status: 'POST status', orderPage: 'GET 50 orders', productPage: 'GET 50 products' }
const kinds: Kind[] = ['orders', 'status', 'orderPage', 'productPage']

export function restTable(figuresOf: Map<string, RestFigures>): string {
  const rows = kinds.flatMap((kind) =>
    [...figuresOf].map(([name, figures]) => {
      const { requestsPerSecond, p50Ms, p99Ms, cpuMicros, ofBare, cpuOfBare, failures } = figures[kind]
      if (failures > 0) throw new Error(`${failures} requests of ${name} failed`)
      return [
        `${titles[kind]}: ${name}`,
        round(requestsPerSecond),
        round(p50Ms, 1),
        round(p99Ms, 1),
        round(cpuMicros),
        round(ofBare, 2),
        round(cpuOfBare, 2),
      ]
    }),
  )
  return table(['', 'requests/s', 'p50 ms', 'p99 ms', 'server CPU µs', 'requests/s of bare', 'CPU of bare'], rows)
}
