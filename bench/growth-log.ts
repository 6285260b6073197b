import postgres from 'postgres'
import type { ThrowawayPostgres } from '~/scripts/postgres'
import { Orders } from './events'
import { enlist, openFleet } from './fleet'
import type { GrowthOptions } from './growth'
import type { Curve, Point } from './plot'
import { cpuMeter, postgresCpuMeter } from './process'
import { type BenchServer, bun, end, furnish, launch, ownData, request, type Store, settings } from './servers'
import { median, round } from './stats'
import { type SocketGroup, wires } from './wires'

/** How a write and a resume change with the length of the log, and a resume with what was missed. */

/** A database that outlives its servers: each point is measured on a new one, which remembers nothing. */
class Longlived {
  private constructor(
    readonly sql: postgres.Sql,
    private readonly environment: Record<string, string>,
  ) {}

  static async open({ url }: ThrowawayPostgres): Promise<Longlived> {
    const { environment } = await ownData(url)
    const sql = postgres(environment.DATABASE_URL ?? '', { max: 1, onnotice: () => {} })
    return new Longlived(sql, { ...settings, ...environment, WS_HEARTBEAT_MS: '600000' })
  }

  /** `stores` are made by the first server. */
  async start(stores?: Store[]): Promise<BenchServer> {
    const { child, said } = await launch('ZipZap', bun('bench/zipzap.ts'), this.environment)
    const { port } = said
    return { name: 'ZipZap', pid: child.pid, port, wire: 'zipzap', stores: stores ?? (await furnish(port)), stop: () => end(child) }
  }

  /** Puts so many copies of a notification into each of the streams, as if they had been written; no server may run meanwhile. */
  async fill(streams: string[], each: number): Promise<void> {
    await this.sql`
      insert into events (stream, seq, id, type, data, at, user_id, store_id, session_id, subject_id)
      select s.stream, s.last_seq + g, gen_random_uuid(), e.type, e.data, now(), e.user_id, e.store_id, e.session_id, e.subject_id
      from streams s
      join lateral (select * from events where stream = s.stream and type = 'general_notification' order by seq limit 1) e on true
      cross join generate_series(1, ${each}::int) g
      where s.stream in ${this.sql(streams)}`
    await this.sql`update streams set last_seq = last_seq + ${each} where stream in ${this.sql(streams)}`
    await this.sql`vacuum analyze events`
    await this.sql`checkpoint`
  }

  /** A position so far behind the head of a stream. */
  async behind(stream: string, events: number): Promise<{ epoch: string; seq: number }> {
    const [head] = await this.sql<{ epoch: string; seq: number }[]>`select epoch, last_seq::float8 as seq from streams where stream = ${stream}`
    if (!head) throw new Error(`there is no stream ${stream}`)
    return { epoch: head.epoch, seq: head.seq - events }
  }

  async close(): Promise<void> {
    await this.sql.end()
  }
}

const streamOf = ({ storeId }: { storeId: string }) => `store:${storeId}`

/** A device of each store, and one notification in its log. */
async function prepare(server: BenchServer): Promise<SocketGroup[]> {
  const groups: SocketGroup[] = []
  for (const store of server.stores) {
    const own = { ...server, stores: [store] }
    groups.push(...(await enlist(own, 1)))
    await notify(server.port, store)
  }
  return groups
}

export async function notify(port: number, { storeId, token }: { storeId: string; token: string }): Promise<void> {
  const response = await request(`http://127.0.0.1:${port}/api/v1/stores/${storeId}/notifications`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ message: 'x'.repeat(28), level: 'info' }),
  })
  if (response.status !== 201) throw new Error(`a notification was answered ${response.status}`)
  await response.arrayBuffer()
}

type Cost = { server: number; postgres: number; ms: number }

/** CPU µs of both for each of so many, and how long each took. */
async function costOf(server: BenchServer, cluster: ThrowawayPostgres, count: number, work: () => Promise<unknown>): Promise<Cost> {
  const [own, theirs, startedAt] = [cpuMeter(server.pid), postgresCpuMeter(cluster.dataDir), performance.now()]
  await work()
  return { server: own() / count, postgres: theirs() / count, ms: (performance.now() - startedAt) / count }
}

async function changeAll(orders: Orders, changes: number): Promise<void> {
  let left = changes
  const worker = async () => {
    while (left-- > 0) await orders.change()
  }
  await Promise.all(Array.from({ length: 8 }, worker))
}

const logRows = [1_000, 10_000, 100_000, 1_000_000]
const [warmChanges, changes] = [300, 1_200]
/** Missed events of a resume from the log. */
const missed = 40

export async function growLog(cluster: ThrowawayPostgres, { isFull }: GrowthOptions): Promise<Record<string, Curve>> {
  const database = await Longlived.open(cluster)
  const first = await database.start()
  const { stores } = first
  const groups = await prepare(first)
  await first.stop()
  const [write, resume]: [Cost[], Cost[]] = [[], []]
  const counts = isFull ? [...logRows, 10_000_000] : logRows
  let rows = 0
  for (const count of counts) {
    await database.fill(stores.map(streamOf), Math.ceil((count - rows) / stores.length))
    rows = count
    const server = await database.start(stores)
    const orders = new Orders(server)
    await orders.stock(warmChanges + changes)
    await changeAll(orders, warmChanges)
    write.push(await costOf(server, cluster, changes, () => changeAll(orders, changes)))
    // The store of the orders is left out; the first of the others warm up.
    const positions = await Promise.all(groups.map((group) => database.behind(streamOf(group), missed)))
    const fleet = openFleet()
    const back = async (from: number, to: number) => {
      for (let index = from; index < to; index++) {
        const [group, position] = [groups[index], positions[index]]
        if (!group || !position) throw new Error('there are too few stores')
        const framesEach = wires.zipzap.framesToOpen + missed
        await fleet.ask({ kind: 'open', port: server.port, groups: [group], framesEach, resume: { [streamOf(group)]: position } })
      }
    }
    await back(1, 8)
    resume.push(await costOf(server, cluster, groups.length - 8, () => back(8, groups.length)))
    await fleet.end()
    await server.stop()
    const [written, resumed] = [write.at(-1), resume.at(-1)]
    process.stderr.write(`${round(count)} rows: a write ${round(written?.server ?? 0)} + ${round(written?.postgres ?? 0)} µs, `)
    process.stderr.write(`a resume ${round(resumed?.server ?? 0)} + ${round(resumed?.postgres ?? 0)} µs\n`)
  }
  await database.close()
  const points = (costs: Cost[], part: keyof Cost): Point[] => costs.map((cost, index) => ({ x: counts[index] ?? 0, y: cost[part] }))
  const curve = (title: string, costs: Cost[]): Curve => ({
    title,
    x: 'events in the log',
    y: 'CPU µs',
    series: [
      { name: 'ZipZap', points: points(costs, 'server') },
      { name: 'its PostgreSQL', points: points(costs, 'postgres') },
    ],
  })
  return { log: curve('A change of status', write), 'log-resume': curve(`Coming back with ${missed} missed events, read from the log`, resume) }
}

const depths = [1, 10, 100, 1_000, 10_000]

/** The same socket again and again, so that the log is at hand: what is left is what the missed events themselves cost. */
export async function growResume(cluster: ThrowawayPostgres, { rounds }: GrowthOptions): Promise<Record<string, Curve>> {
  const database = await Longlived.open(cluster)
  const first = await database.start()
  const { stores } = first
  const [group] = await prepare(first)
  if (!group) throw new Error('there is no store')
  await first.stop()
  await database.fill([streamOf(group)], 12_000)
  const server = await database.start(stores)
  const [cpu, time]: [Point[], Point[]] = [[], []]
  for (const depth of depths) {
    const resume = { [streamOf(group)]: await database.behind(streamOf(group), depth) }
    const fleet = openFleet()
    const times: number[] = []
    const back = async (count: number) => {
      for (let index = 0; index < count; index++) {
        const framesEach = wires.zipzap.framesToOpen + depth
        const { tookMs } = await fleet.ask({ kind: 'open', port: server.port, groups: [group], framesEach, resume })
        times.push(tookMs)
        await fleet.ask({ kind: 'cut' })
      }
    }
    await back(5)
    times.length = 0
    const count = 10 * rounds
    const cost = await costOf(server, cluster, count, () => back(count))
    cpu.push({ x: depth, y: cost.server })
    time.push({ x: depth, y: median(times) * 1000 })
    process.stderr.write(`${round(depth)} missed: ${round(cost.server)} µs of CPU, live after ${round(median(times), 1)} ms\n`)
    await fleet.end()
  }
  await server.stop()
  await database.close()
  const series = [
    { name: 'CPU of ZipZap', points: cpu },
    { name: 'until live', points: time },
  ]
  return { resume: { title: 'Coming back', x: 'missed events', y: 'µs', isLogarithmic: true, series } }
}
