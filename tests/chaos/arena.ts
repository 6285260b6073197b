import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import connect, { type Sql } from 'postgres'
import { freePort, startPostgres, type ThrowawayPostgres } from '~/scripts/postgres'
import { ApiClient } from '../support/api'
import { type ServerProcess, spawnServer } from '../support/process'
import { startProxy, type Proxy as TcpProxy } from '../support/proxy'
import { type Engine, startNginx, startRedis } from './engines'

/** What carries the news between the instances. */
export type RelayKind = 'redis' | 'postgres'
export type Person = { id: string; email: string; token: string }

const password = 'correct horse battery'

/** A server process at a port that stays the same, so that nginx finds the next one there. */
export class Place {
  private running: Promise<ServerProcess> | undefined

  constructor(
    readonly port: number,
    private readonly cwd: string,
    private readonly environment: () => Record<string, string>,
  ) {}

  async start(more: Record<string, string> = {}): Promise<void> {
    this.running = spawnServer(this.cwd, { ...this.environment(), ...more, PORT: String(this.port) })
    await this.running
  }

  async signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    ;(await this.running)?.signal(signal)
  }

  async pid(): Promise<number> {
    const { pid } = (await this.running) ?? {}
    if (pid === undefined) throw new Error('it was never started')
    return pid
  }

  /** Resolves when the process is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await (await this.running)?.end(signal)
  }

  get api(): ApiClient {
    const base = `http://127.0.0.1:${this.port}`
    return new ApiClient({ base, api: `${base}/api/v1` })
  }

  /** The last errors that the present process logged. */
  async errors(): Promise<string[]> {
    const lines = (await this.running)?.output().split('\n') ?? []
    return lines.filter((line) => /"level":[56]0/.test(line)).slice(-5)
  }
}

/** Everything a small installation has: PostgreSQL and Redis behind proxies that can be cut, two instances, nginx. */
export class Arena {
  relay: RelayKind = 'redis'
  owner: Person = { id: '', email: '', token: '' }
  /** Loses its store during some of the faults. */
  manager: Person = { id: '', email: '', token: '' }

  private constructor(
    private readonly directory: string,
    readonly postgres: ThrowawayPostgres,
    readonly databaseProxy: TcpProxy,
    readonly redis: Engine,
    readonly redisProxy: TcpProxy,
    readonly places: Place[],
    readonly nginx: Engine,
    /** Past all proxies. */
    readonly sql: Sql,
  ) {}

  static async open(settings: Record<string, string> = {}, diskMegabytes?: number): Promise<Arena> {
    const directory = mkdtempSync(join(tmpdir(), 'zipzap-chaos-'))
    const disk = diskMegabytes === undefined ? undefined : mountDisk(directory, diskMegabytes)
    const cluster = await startPostgres({ durable: true, settings, ...(disk && { parent: disk }) })
    const redis = await startRedis()
    const databaseProxy = await startProxy(new URL(cluster.url))
    const redisProxy = await startProxy(new URL(`redis://127.0.0.1:${redis.port}`))
    const environment = (): Record<string, string> => ({
      DATABASE_URL: databaseProxy.url,
      ...(arena.relay === 'redis' && { REDIS_URL: redisProxy.url }),
      TRUST_PROXY: '1',
      DRAIN_SECONDS: '3',
      WS_HEARTBEAT_MS: '2000',
      LOG_LEVEL: 'info',
    })
    const ports = [await freePort(), await freePort()]
    const places = ports.map((port) => new Place(port, directory, environment))
    const nginx = await startNginx(directory, ports)
    const sql = connect(cluster.url, { max: 2, onnotice: () => {}, backoff: () => 0.2 })
    const arena = new Arena(directory, cluster, databaseProxy, redis, redisProxy, places, nginx, sql)
    await Promise.all(places.map((place) => place.start()))
    arena.owner = await arena.register('Olga')
    arena.manager = await arena.register('Mona')
    return arena
  }

  get base(): string {
    return `http://127.0.0.1:${this.nginx.port}/api/v1`
  }

  as({ token }: Person): ApiClient {
    return new ApiClient({ base: `http://127.0.0.1:${this.nginx.port}`, api: this.base }, token)
  }

  private async register(firstName: string): Promise<Person> {
    const email = `${firstName.toLowerCase()}@zipzap.test`
    const { data, body } = await this.as(this.owner).post('/auth/register', { email, password, firstName })
    if (!data) throw new Error(`register: ${JSON.stringify(body)}`)
    return { id: data.user.id, email, token: data.token }
  }

  /** A new store of the owner, with the manager and something to sell. */
  async furnish(name: string): Promise<{ storeId: string; productId: string }> {
    const api = this.as(this.owner)
    const { data: store } = await api.post('/stores', { name })
    await api.post(`/stores/${store.id}/members`, { email: this.manager.email, role: 'manager' })
    const { data: product } = await api.post(`/stores/${store.id}/products`, { name: 'Ramen', price: 1290 })
    return { storeId: store.id, productId: product.id }
  }

  /** So many more people of that store. */
  async hire(storeId: string, count: number): Promise<Person[]> {
    const hired: Person[] = []
    for (let index = 0; index < count; index++) {
      const person = await this.register(`Staff-${storeId}-${index}`)
      await this.as(this.owner).post(`/stores/${storeId}/members`, { email: person.email, role: 'manager' })
      hired.push(person)
    }
    return hired
  }

  async switchRelay(relay: RelayKind): Promise<void> {
    if (this.relay === relay) return
    this.relay = relay
    await Promise.all(this.places.map((place) => place.end('SIGKILL')))
    await Promise.all(this.places.map((place) => place.start()))
  }

  /** Whether every instance says that all of it works. */
  async isWell(): Promise<boolean> {
    const states = this.places.map(async ({ api }) => (await api.get('/health').catch(() => null))?.data?.status)
    return (await Promise.all(states)).every((state) => state === 'ok')
  }

  async close(): Promise<void> {
    await Promise.all(this.places.map((place) => place.end('SIGKILL')))
    await this.nginx.end('SIGQUIT')
    await Promise.all([this.redis.end('SIGKILL'), this.databaseProxy.stop(), this.redisProxy.stop()])
    await this.sql.end({ timeout: 2 })
    await this.postgres.stop()
    unmountDisk(this.directory)
    rmSync(this.directory, { recursive: true, force: true })
  }
}

const diskIn = (directory: string) => join(directory, 'disk')

/** A small disk of its own, in memory. Only root may mount one. */
function mountDisk(directory: string, megabytes: number): string {
  const disk = diskIn(directory)
  mkdirSync(disk)
  chmodSync(directory, 0o755)
  const { exitCode, stderr } = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=777`, 'zipzap-chaos', disk])
  if (exitCode !== 0) throw new Error(`mount: ${stderr}`)
  process.once('exit', () => unmountDisk(directory))
  return disk
}

function unmountDisk(directory: string): void {
  if (existsSync(diskIn(directory))) Bun.spawnSync(['umount', '--lazy', diskIn(directory)], { stderr: 'ignore' })
}
