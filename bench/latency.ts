import { join } from 'node:path'
import { enlist, storeOf } from './fleet'
import type { Delays, LatencyCommand, Write } from './latency-client'
import { Process } from './process'
import { inTurns } from './rounds'
import { type BenchServer, root } from './servers'
import { type Figures, mediansOf, ratioOf, round, table } from './stats'

/**
 * How long it takes until everybody knows: a hundred sockets of one store, and a hundred orders or changes of status a
 * second. Told by the one clock of the client, from the moment it sends a request until it has the answer, and until each
 * socket has the frame: what the server does before its commit is part of both, since no client can see the commit itself.
 */

export type LatencyOptions = { rounds: number; seconds: number }
export type LatencyFigures = Record<Write, Delays & { ofBare: number; ofNode: number }>

const sockets = 100
const writesPerSecond = 100
const writes: Write[] = ['orders', 'status']

async function openClient(server: BenchServer) {
  const client = new Process<LatencyCommand, Delays>(join(root, 'bench/latency-client.ts'))
  const { storeId = '', token = '', productIds = [] } = storeOf(server) ?? {}
  const groups = await enlist(server, sockets)
  const path = `/api/v1/stores/${storeId}`
  await client.ask({ kind: 'open', port: server.port, groups, wire: server.wire ?? 'zipzap', path, token, productIds })
  return client
}

/** Medians over the rounds; the ratios are of the delays of frames that one in a hundred exceeds. */
export async function measureLatency(servers: BenchServer[], { rounds, seconds }: LatencyOptions): Promise<Map<string, LatencyFigures>> {
  const clients = new Map<BenchServer, Awaited<ReturnType<typeof openClient>>>()
  for (const server of servers) clients.set(server, await openClient(server))
  const results = await inTurns(servers, rounds, async (server) => {
    const figures: Figures = {}
    for (const write of writes) {
      const delays = await clients.get(server)?.ask({ kind: 'run', write, writes: seconds * writesPerSecond, perSecond: writesPerSecond })
      for (const [name, value] of Object.entries(delays ?? {})) figures[`${write} ${name}`] = value
    }
    return figures
  })
  for (const client of clients.values()) await client.end()
  const [bare, node] = [results.get(servers[0]?.name ?? '') ?? [], results.get('node stack') ?? []]
  const figuresOf = (all: Figures[], write: Write) => {
    const of = (name: keyof Delays) => mediansOf(all)[`${write} ${name}`] ?? Number.NaN
    return {
      answerP50: of('answerP50'),
      answerP99: of('answerP99'),
      frameP50: of('frameP50'),
      frameP99: of('frameP99'),
      ofBare: ratioOf(all, bare, `${write} frameP99`),
      ofNode: ratioOf(all, node, `${write} frameP99`),
    }
  }
  return new Map([...results].map(([name, all]) => [name, { orders: figuresOf(all, 'orders'), status: figuresOf(all, 'status') }]))
}

const titles: Record<Write, string> = { orders: 'POST order', status: 'POST status' }

export function latencyTable(figuresOf: Map<string, LatencyFigures>): string {
  const hasNode = figuresOf.has('node stack')
  const rows = writes.flatMap((write) =>
    [...figuresOf].map(([name, { [write]: figures }]) => {
      const delays = [figures.answerP50, figures.answerP99, figures.frameP50, figures.frameP99].map((delay) => round(delay, 1))
      const ratios = [figures.ofBare, ...(hasNode ? [figures.ofNode] : [])].map((ratio) => round(ratio, 2))
      return [`${titles[write]}: ${name}`, ...delays, ...ratios]
    }),
  )
  const head = ['answer p50', 'answer p99', 'frame p50', 'frame p99', 'frame p99 of bare', ...(hasNode ? ['frame p99 of node stack'] : [])]
  return table([`ms at ${sockets} sockets, ${writesPerSecond} writes/s`, ...head], rows)
}
