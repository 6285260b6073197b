import { Connection, idOf, post } from './connection'
import { Listener } from './listener'
import { quantile } from './stats'
import type { SocketGroup, WireName } from './wires'

/**
 * Writes and listens in one process, so that both are told by one clock. Each order has a number in its note, by which a
 * frame tells what it is about. Commands and answers come and go by IPC.
 */

export type LatencyCommand =
  /** Opens the sockets; `path` is that of their store. */
  | { kind: 'open'; port: number; groups: SocketGroup[]; wire: WireName; path: string; token: string; productIds: string[] }
  /** So many orders, or changes of status of as many orders, at a pace. */
  | { kind: 'run'; write: Write; writes: number; perSecond: number }
export type Write = 'orders' | 'status'
/** From the moment a request is sent: until its answer is there, and until a frame is, over all sockets. */
export type Delays = { answerP50: number; answerP99: number; frameP50: number; frameP99: number }

const connectionCount = 16
const makersAtOnce = 8
const patienceMs = 30_000
const marker = Buffer.from('"note":"#')

let target: Extract<LatencyCommand, { kind: 'open' }>
let sockets = 0
let connections: Connection[] = []

/** One run: when each write was sent, and how long its frames took. */
class Run {
  private readonly sentAt: Float64Array
  readonly answers: number[] = []
  readonly frames: number[] = []
  private readonly complete = Promise.withResolvers<void>()

  constructor(private readonly writes: number) {
    this.sentAt = new Float64Array(writes)
  }

  async send(number: number, bytes: Uint8Array, expected: string): Promise<Buffer> {
    this.sentAt[number] = performance.now()
    // What waits for a free connection would not be sent at its pace any more.
    const connection = connections.shift() ?? (await Connection.open(target.port))
    const answer = await connection.request(bytes)
    this.answers.push(performance.now() - (this.sentAt[number] ?? 0))
    connections.push(connection)
    if (answer.status !== expected) throw new Error(`a write was answered with ${answer.status}: ${answer.body.toString()}`)
    return answer.body
  }

  hear(payload: Buffer): void {
    const at = payload.indexOf(marker)
    if (at < 0) return
    const number = Number.parseInt(payload.toString('latin1', at + marker.length, at + marker.length + 8), 10)
    this.frames.push(performance.now() - (this.sentAt[number] ?? Number.NaN))
    if (this.frames.length === this.writes * sockets) this.complete.resolve()
  }

  /** When every socket has heard of every write. */
  async end(): Promise<void> {
    const patience = setTimeout(
      () => this.complete.reject(new Error(`${this.writes * sockets - this.frames.length} frames did not arrive`)),
      patienceMs,
    )
    await this.complete.promise
    clearTimeout(patience)
  }
}

let running: Run | undefined

async function open(command: typeof target): Promise<void> {
  target = command
  const { port, groups, wire } = command
  for (const group of groups)
    for (let index = 0; index < group.count; index++) await Listener.open(port, group, wire, (payload) => running?.hear(payload))
  sockets = groups.reduce((sum, { count }) => sum + count, 0)
}

function orderBytes(number: number): Uint8Array {
  const items = target.productIds.slice(0, 2).map((productId, index) => ({ productId, quantity: index + 1 }))
  return post(`${target.path}/orders`, target.token, JSON.stringify({ type: 'pickup', note: `#${number}.`, items }))
}

/** Orders as fast as a few at a time are made; their ids, by number. */
async function make(writes: number): Promise<string[]> {
  const made = new Run(writes)
  running = made
  const ids: string[] = []
  let next = 0
  const maker = async () => {
    for (let number = next++; number < writes; number = next++) ids[number] = idOf(await made.send(number, orderBytes(number), '201'))
  }
  await Promise.all(Array.from({ length: makersAtOnce }, maker))
  await made.end()
  return ids
}

/** Connections are new for each run: some servers close those that nobody uses for a while. */
async function run({ write, writes, perSecond }: Extract<LatencyCommand, { kind: 'run' }>): Promise<Delays> {
  connections = await Promise.all(Array.from({ length: connectionCount }, () => Connection.open(target.port)))
  const ids = write === 'status' ? await make(writes) : []
  const change = (id: string) => post(`${target.path}/orders/${id}/status`, target.token, '{"status":"confirmed"}')
  const requests = Array.from({ length: writes }, (_, number) => (write === 'orders' ? orderBytes(number) : change(ids[number] ?? '')))
  const measured = new Run(writes)
  running = measured
  const startedAt = performance.now()
  const sendInTime = async (bytes: Uint8Array, number: number) => {
    await Bun.sleep(Math.max(0, startedAt + (number * 1000) / perSecond - performance.now()))
    await measured.send(number, bytes, write === 'orders' ? '201' : '200')
  }
  await Promise.all(requests.map(sendInTime))
  await measured.end()
  running = undefined
  for (const connection of connections) connection.end()
  const [toAnswer, toFrame] = [measured.answers, measured.frames].map((delays) => delays.sort((a, b) => a - b))
  const of = (delays: number[] = [], part: number) => quantile(delays, part)
  return { answerP50: of(toAnswer, 0.5), answerP99: of(toAnswer, 0.99), frameP50: of(toFrame, 0.5), frameP99: of(toFrame, 0.99) }
}

process.on('message', async (command: LatencyCommand) => {
  try {
    process.send?.(command.kind === 'open' ? await open(command).then(() => null) : await run(command))
  } catch (error) {
    process.send?.({ error: String(error) })
  }
})
process.on('disconnect', () => process.exit(0))
