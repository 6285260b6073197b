import { type Answer, Connection, get, idOf, post } from './connection'
import { cpuMsOf } from './process'

/**
 * The load client, a process of its own: keep-alive connections on bare TCP, one request at a time each, everything that
 * can be made ahead made ahead. Reads one JSON task from its first argument and prints one JSON result.
 */

export type LoadTask = {
  port: number
  /** The server's process, whose CPU time is read at both ends of each phase. */
  pid: number
  connections: number
  kinds: Kind[]
  warmupMs: number
  phaseMs: number
  /** One a store, `path` without what follows the store's id; connections take turns. */
  targets: { path: string; token: string; body: string }[]
}

export type PhaseResult = {
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  /** User and system time of the server, for each request. */
  cpuMicros: number
  requests: number
  failures: number
}
/** Orders taken, orders moved, and the first page of orders and of products read. */
export type Kind = 'orders' | 'status' | 'orderPage' | 'productPage'
/** `writes` are all that were answered, those of warming up included. */
export type LoadResult = { phases: Partial<Record<Kind, PhaseResult>>; writes: number }

const statusesInTurn = ['confirmed', 'preparing', 'ready', 'completed']

type Work = (answer: Answer | null) => Uint8Array | null

/** Runs the connections for so long, each with its own work, and measures. */
async function phase(
  task: LoadTask,
  connections: Connection[],
  durationMs: number,
  expected: string,
  workOf: (index: number) => Work,
): Promise<PhaseResult> {
  const latencies: number[] = []
  let failures = 0
  const cpuBefore = cpuMsOf(task.pid)
  const startedAt = performance.now()
  const deadline = startedAt + durationMs
  await Promise.all(
    connections.map(async (connection, index) => {
      const work = workOf(index)
      let bytes = work(null)
      while (bytes && performance.now() < deadline) {
        const sentAt = performance.now()
        const answer = await connection.request(bytes)
        latencies.push(performance.now() - sentAt)
        if (answer.status !== expected) failures += 1
        bytes = work(answer)
      }
    }),
  )
  const tookMs = performance.now() - startedAt
  const cpuMs = cpuMsOf(task.pid) - cpuBefore
  latencies.sort((a, b) => a - b)
  const at = (part: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0
  const requests = latencies.length
  return {
    requestsPerSecond: (requests * 1000) / tookMs,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    cpuMicros: (cpuMs * 1000) / requests,
    requests,
    failures,
  }
}

async function run(task: LoadTask): Promise<LoadResult> {
  const connections = await Promise.all(Array.from({ length: task.connections }, () => Connection.open(task.port)))
  const targetOf = (index: number) => {
    const target = task.targets[index % task.targets.length]
    if (!target) throw new Error('there is nothing to send to')
    return target
  }
  const made: string[][] = connections.map(() => [])
  const creating = (index: number): Work => {
    const { path, token, body } = targetOf(index)
    const bytes = post(`${path}/orders`, token, body)
    return (answer) => {
      if (answer) made[index]?.push(idOf(answer.body))
      return bytes
    }
  }
  /** Each order through its four changes; ends early when there are no more orders. */
  const moving = (index: number): Work => {
    const { path, token } = targetOf(index)
    let id = ''
    let step = statusesInTurn.length
    return () => {
      if (step === statusesInTurn.length) {
        id = made[index]?.pop() ?? ''
        step = 0
      }
      return id === '' ? null : post(`${path}/orders/${id}/status`, token, `{"status":"${statusesInTurn[step++]}"}`)
    }
  }
  const reading =
    (list: string) =>
    (index: number): Work => {
      const { path, token } = targetOf(index)
      const bytes = get(`${path}/${list}?limit=50`, token)
      return () => bytes
    }
  const works: Record<Kind, (index: number) => Work> = {
    orders: creating,
    status: moving,
    orderPage: reading('orders'),
    productPage: reading('products'),
  }
  const runAll = async (orderMs: number, otherMs: number) => {
    const phases: LoadResult['phases'] = {}
    for (const kind of task.kinds)
      phases[kind] = await phase(task, connections, kind === 'orders' ? orderMs : otherMs, kind === 'orders' ? '201' : '200', works[kind])
    return phases
  }
  const warmup = await runAll(task.warmupMs, task.warmupMs / 2)
  const phases = await runAll(task.phaseMs, task.phaseMs)
  for (const connection of connections) connection.end()
  const writes = [warmup.orders, warmup.status, phases.orders, phases.status].reduce((sum, made) => sum + (made?.requests ?? 0), 0)
  return { phases, writes }
}

if (import.meta.main) {
  const [task = '{}'] = process.argv.slice(2)
  console.log(JSON.stringify(await run(JSON.parse(task) as LoadTask)))
}
