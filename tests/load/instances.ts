import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { enlist, openFleet } from '~/bench/fleet'
import { cpuMsOf } from '~/bench/process'
import type { BenchServer, Store } from '~/bench/servers'
import type { SocketGroup } from '~/bench/sockets'
import { median } from '~/bench/stats'
import { startPostgres } from '~/scripts/postgres'
import { startRedis } from '../chaos/engines'
import { ApiClient } from '../support/api'
import { inTurn } from '../support/in-turn'
import { type ServerProcess, spawnServer } from '../support/process'

/**
 * What a delivery costs over one, two and four instances: the same sockets of one store and the same pace of writes, spread
 * evenly; the CPU of all instances together, writes included, divided by the deliveries. The installations stand side by
 * side, each with a database and a relay of its own, and work in turns of a few seconds: what else the machine does meets
 * all of them alike. The clients read by their own clock, so that a send costs what it costs towards another machine; with
 * `--read-every 0` they are woken by what comes, and whoever sends pays for that.
 *
 *   bun run load:instances --sockets 16000 --rate 5 --seconds 5 --rounds 7
 *
 * With `--bare`, servers that only send show what spreading the sockets over processes costs by itself. It says as well what
 * the instances cost while nothing is written, which every second has whatever it delivers.
 */

const { values } = parseArgs({
  options: {
    sockets: { type: 'string', default: '16000' },
    rate: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '7' },
    warm: { type: 'string', default: '1500' },
    'read-every': { type: 'string', default: '20' },
    relay: { type: 'string', default: 'redis' },
    bare: { type: 'boolean', default: false },
  },
})
const [sockets, seconds, rounds] = [Number(values.sockets), Number(values.seconds), Number(values.rounds)]
/** Events a second, and those before it counts: what is compiled and prepared first is not a delivery. */
const [eventsPerSecond, warmEvents] = [Number(values.rate), Number(values.warm)]
const warmAtOnce = 5
const readEveryMs = Number(values['read-every'])
const idleSeconds = 5
const instanceCounts = [1, 2, 4]
const fleetCount = 4

type Fleet = ReturnType<typeof openFleet>

/** What the sockets are connected to. */
type Servers = {
  pids: number[]
  ports: number[]
  /** Who connects; nobody in particular where nobody signs in. */
  groups: SocketGroup[]
  /** How many frames each socket gets before it is live. */
  framesEach: number
  /** Brings one event to all sockets. */
  write(event: number): Promise<unknown>
  end(): Promise<unknown>
}

async function openZipZap(count: number, postgresUrl: string, directory: string): Promise<Servers> {
  const redis = await startRedis()
  const database = await ownDatabase(postgresUrl, `instances_${count}`)
  // The bench's clients are silent; their time must not run out.
  const environment = {
    DATABASE_URL: database,
    WS_HEARTBEAT_MS: '600000',
    ...(values.relay === 'redis' && { REDIS_URL: `redis://127.0.0.1:${redis.port}` }),
  }
  const first = await spawnServer(directory, environment)
  const others = await Promise.all(Array.from({ length: count - 1 }, () => spawnServer(directory, environment)))
  const instances = [first, ...others]
  const store = await openStore(first)
  const servers = instances.map((instance) => asBench(instance, store))
  return {
    pids: servers.map(({ pid }) => pid),
    ports: servers.map(({ port }) => port),
    groups: await enlist(inTurn(servers, 0), sockets),
    framesEach: 3,
    write: (event) => notify(inTurn(servers, event)),
    end: () => Promise.all([...instances.map((instance) => instance.end('SIGKILL')), redis.end('SIGKILL')]),
  }
}

/** Servers that only send, without a log or a word to each other: each is told of each event from outside. */
async function openBare(count: number): Promise<Servers> {
  const bare = await Promise.all(Array.from({ length: count }, startBare))
  return {
    pids: bare.map(({ pid }) => pid),
    ports: bare.map(({ port }) => port),
    groups: Array.from({ length: fleetCount }, () => ({ count: sockets / fleetCount, userId: '', token: '', storeId: '' })),
    framesEach: 1,
    write: () => Promise.all(bare.map(({ port }) => fetch(`http://127.0.0.1:${port}/tell`, { keepalive: false }))),
    end: () => Promise.all(bare.map((server) => server.end())),
  }
}

/** Servers with their sockets, the same number of client processes for each. */
class Installation {
  private constructor(
    private readonly servers: Servers,
    private readonly fleets: Fleet[],
  ) {}

  static async open(servers: Servers): Promise<Installation> {
    const { ports, groups, framesEach } = servers
    const fleets = Array.from({ length: fleetCount }, () => openFleet())
    const share = (index: number): SocketGroup[] => groups.filter((_, at) => at % fleetCount === index)
    await Promise.all(
      fleets.map((fleet, index) => fleet.ask({ kind: 'open', port: inTurn(ports, index), groups: share(index), framesEach, readEveryMs })),
    )
    return new Installation(servers, fleets)
  }

  /** As many events as it takes for all code to be compiled, as fast as they are taken. */
  async warm(): Promise<void> {
    const framesBefore = await this.frames()
    for (let event = 0; event < warmEvents; event += warmAtOnce)
      await Promise.all(Array.from({ length: warmAtOnce }, (_, index) => this.servers.write(event + index)))
    await this.delivered(framesBefore, warmEvents)
  }

  /** CPU µs a delivery, from the first write to the last frame. */
  async work(count: number): Promise<number> {
    const [cpuBefore, framesBefore, startedAt] = [this.cpuMs(), await this.frames(), performance.now()]
    const sending: Promise<unknown>[] = []
    for (let event = 0; event < count; event++) {
      sending.push(this.servers.write(event))
      await Bun.sleep(Math.max(0, startedAt + ((event + 1) * 1000) / eventsPerSecond - performance.now()))
    }
    await Promise.all(sending)
    await this.delivered(framesBefore, count)
    return ((this.cpuMs() - cpuBefore) * 1000) / (count * sockets)
  }

  /** CPU ms a second while nothing is written. */
  async rest(): Promise<number> {
    const cpuBefore = this.cpuMs()
    await Bun.sleep(idleSeconds * 1000)
    return (this.cpuMs() - cpuBefore) / idleSeconds
  }

  async close(): Promise<void> {
    await Promise.all(this.fleets.map((fleet) => fleet.end()))
    await this.servers.end()
  }

  /** Resolves when every socket has so many events more. */
  private async delivered(framesBefore: number, count: number): Promise<void> {
    const deadline = performance.now() + 60_000
    while ((await this.frames()) - framesBefore < count * sockets) {
      if (performance.now() > deadline) throw new Error('deliveries did not arrive')
      await Bun.sleep(20)
    }
  }

  private cpuMs(): number {
    return this.servers.pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0)
  }

  private async frames(): Promise<number> {
    const counts = await Promise.all(this.fleets.map((fleet) => fleet.ask({ kind: 'count' })))
    return counts.reduce((sum, { frames }) => sum + frames, 0)
  }
}

async function startBare() {
  const child = Bun.spawn([process.execPath, 'run', join(import.meta.dir, 'bare.ts')], { stdout: 'pipe', stderr: 'inherit' })
  process.once('exit', () => child.kill('SIGKILL'))
  const { value } = await child.stdout.getReader().read()
  const { port }: { port: number } = JSON.parse(new TextDecoder().decode(value))
  const end = () => {
    child.kill('SIGKILL')
    return child.exited
  }
  return { pid: child.pid, port, end }
}

/** On a connection of its own: one that lay idle between two turns may just be closing. */
async function notify({ port, stores: [store] }: BenchServer): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/stores/${store?.storeId}/notifications`, {
    method: 'POST',
    keepalive: false,
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${store?.token}` },
    body: JSON.stringify({ message: 'x'.repeat(28), level: 'info' }),
  })
  if (response.status !== 201) throw new Error(`a notification was answered ${response.status}`)
}

async function ownDatabase(url: string, name: string): Promise<string> {
  const admin = postgres(url, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${name}`)
  await admin.end()
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.href
}

async function openStore(server: ServerProcess): Promise<Store> {
  const account = { email: 'olga@zipzap.test', password: 'correct horse battery', firstName: 'Olga' }
  const { token } = (await server.api.post('/auth/register', account)).data
  const { id: storeId } = (await new ApiClient(server.api.server, token).post('/stores', { name: 'Corner' })).data
  return { storeId, productIds: [], token }
}

const asBench = ({ base, pid }: ServerProcess, store: Store): BenchServer => ({
  name: base,
  pid,
  port: Number(new URL(base).port),
  stores: [store],
  stop: async () => {},
})

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'zipzap-instances-'))
  const cluster = await startPostgres({ durable: true })
  const all: { kind: string; count: number; installation: Installation; costs: number[] }[] = []
  for (const kind of values.bare ? ['ZipZap', 'bare'] : ['ZipZap'])
    for (const count of instanceCounts) {
      const servers = await (kind === 'bare' ? openBare(count) : openZipZap(count, cluster.url, directory))
      all.push({ kind, count, installation: await Installation.open(servers), costs: [] })
    }
  for (const { installation } of all) await installation.warm()
  for (let round = 0; round < rounds; round++) {
    for (const { installation, costs } of round % 2 === 0 ? all : all.toReversed()) costs.push(await installation.work(eventsPerSecond * seconds))
    console.log(`round ${round + 1}: ${all.map(({ kind, count, costs }) => `${kind} ${count}: ${costs.at(-1)?.toFixed(2)}`).join('; ')}`)
  }
  for (const { kind, count, installation, costs } of all) {
    const ones = all.find((other) => other.kind === kind)?.costs ?? []
    const ratio = median(costs.map((cost, round) => cost / (ones[round] ?? cost)))
    const idle = await installation.rest()
    console.log(
      `${count} × ${kind}: ${median(costs).toFixed(2)} µs a delivery, ${ratio.toFixed(2)} × one (medians of the rounds); idle ${idle} ms a second`,
    )
  }
  await Promise.all(all.map(({ installation }) => installation.close()))
  await cluster.stop()
  rmSync(directory, { recursive: true, force: true })
  process.exit(0)
}

await main()
