import { RedisClient } from 'bun'
import { RawClient } from '../support/raw-client'
import type { Arena, Place, RelayKind } from './arena'
import type { Allowance } from './checker'

/** What goes wrong, and what it may cost meanwhile. While one of these runs, tills write and screens watch. */

export type Scene = { stores: { storeId: string; productId: string }[]; seconds: number }
export type Fault = {
  name: string
  title: string
  relay?: RelayKind
  /** How long it lasts: in the short version, and at least in the long one. */
  seconds: [short: number, long: number]
  /** Whether the manager loses the first store in the middle of it. */
  revokes?: boolean
  tillsPerStore?: number
  screensPerStore?: number
  allowance: Partial<Allowance>
  /** Of the first store, when it alone is concerned. */
  ofFirstStore?: Partial<Allowance>
  run(arena: Arena, scene: Scene): Promise<void>
}

const seconds = (count: number) => Bun.sleep(count * 1000)

/** Calls `hit` every `everySeconds` for the time of the scene. */
async function repeatedly(scene: Scene, everySeconds: number, hit: (round: number) => unknown): Promise<void> {
  const rounds = Math.max(1, Math.floor(scene.seconds / everySeconds))
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now()
    await hit(round)
    await Bun.sleep(Math.max(0, everySeconds * 1000 - (performance.now() - startedAt)))
  }
}

const placeAt = (arena: Arena, index: number): Place => {
  const place = arena.places[index % arena.places.length]
  if (!place) throw new Error('there is no instance')
  return place
}

async function untilReady(place: Place): Promise<void> {
  const deadline = performance.now() + 30_000
  while ((await place.api.get('/health/ready').catch(() => null))?.status !== 200) {
    if (performance.now() > deadline) throw new Error('an instance does not get ready')
    await Bun.sleep(100)
  }
}

async function withRedis<T>(arena: Arena, work: (redis: RedisClient) => Promise<T>): Promise<T> {
  const redis = new RedisClient(`redis://127.0.0.1:${arena.redis.port}`, { autoReconnect: false })
  await redis.connect()
  return work(redis).finally(() => redis.close())
}

const killBackends = (arena: Arena, names: string[]) =>
  arena.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name in ${arena.sql(names)}`

/** The time that the fault itself takes, a connection's back-off, and a machine that does a lot at once. */
const slowAnswerMs = 12_000

const kill: Fault = {
  name: 'kill',
  title: 'kill -9 of one instance after the other',
  seconds: [12, 60],
  revokes: true,
  // What the dead instance was working on nginx cannot send again.
  allowance: { statuses: [502, 504], delayMs: 12_000, answerMs: slowAnswerMs },
  run: (arena, scene) =>
    repeatedly(scene, scene.seconds > 30 ? 10 : 6, async (round) => {
      await placeAt(arena, round).end('SIGKILL')
      await placeAt(arena, round).start()
    }),
}

const rolling: Fault = {
  name: 'rolling',
  title: 'a rolling restart, without one failed request',
  seconds: [16, 60],
  revokes: true,
  allowance: { statuses: [] },
  run: (arena, scene) =>
    repeatedly(scene, 8, async (round) => {
      await placeAt(arena, round).end('SIGTERM')
      await placeAt(arena, round).start()
      await untilReady(placeAt(arena, round))
      // nginx asks a server again two seconds after it was away.
      await seconds(2.5)
    }),
}

const freeze: Fault = {
  name: 'freeze',
  title: 'an instance that stands still (SIGSTOP) and wakes up again',
  seconds: [8, 15],
  revokes: true,
  allowance: { statuses: [502, 503, 504], delayMs: 45_000, answerMs: 45_000 },
  async run(arena, scene) {
    await placeAt(arena, 0).signal('SIGSTOP')
    await seconds(scene.seconds)
    await placeAt(arena, 0).signal('SIGCONT')
  },
}

const restartOf = (signal: 'SIGINT' | 'SIGQUIT', awaySeconds: number): Fault['run'] => {
  return (arena, scene) =>
    repeatedly(scene, 8, async () => {
      await arena.postgres.halt(signal)
      await seconds(awaySeconds)
      await arena.postgres.resume()
    })
}

const postgresFast: Fault = {
  name: 'postgres-fast',
  title: 'PostgreSQL restarts, orderly',
  seconds: [8, 40],
  revokes: true,
  allowance: { statuses: [503], delayMs: 10_000, answerMs: slowAnswerMs },
  run: restartOf('SIGINT', 1),
}

const postgresImmediate: Fault = {
  name: 'postgres-immediate',
  title: 'PostgreSQL crashes and recovers',
  seconds: [8, 40],
  revokes: true,
  allowance: { statuses: [503], delayMs: 10_000, answerMs: slowAnswerMs },
  run: restartOf('SIGQUIT', 1),
}

const listen: Fault = {
  name: 'listen',
  title: 'the connections that LISTEN are killed',
  relay: 'postgres',
  seconds: [8, 30],
  allowance: { statuses: [] },
  run: (arena, scene) => repeatedly(scene, 1, () => killBackends(arena, ['zipzap-relay'])),
}

const backends: Fault = {
  name: 'backends',
  title: 'all connections to PostgreSQL are killed',
  relay: 'postgres',
  seconds: [8, 30],
  allowance: { statuses: [503], delayMs: 6_000, answerMs: slowAnswerMs },
  run: (arena, scene) => repeatedly(scene, 3, () => killBackends(arena, ['zipzap', 'zipzap-relay'])),
}

const unreachable: Fault = {
  name: 'unreachable',
  title: 'PostgreSQL cannot be reached: refused, then silent',
  seconds: [18, 40],
  // Longer than the silence that the watch over the database waits for, and shorter than the outage.
  allowance: { statuses: [503], delayMs: 30_000, answerMs: 9_000 },
  async run({ databaseProxy }, scene) {
    databaseProxy.refuse()
    await seconds(scene.seconds / 4)
    databaseProxy.restore()
    await seconds(2)
    databaseProxy.freeze()
    await seconds((scene.seconds * 3) / 4)
    databaseProxy.restore()
  },
}

const lostCommit: Fault = {
  name: 'lost-commit',
  title: 'the answer to COMMIT is lost on its way',
  seconds: [8, 30],
  allowance: { statuses: [503], delayMs: 6_000, answerMs: slowAnswerMs },
  async run({ databaseProxy }, scene) {
    databaseProxy.loseCommits(4)
    await seconds(scene.seconds)
    databaseProxy.restore()
    if (databaseProxy.lostCommits === 0) throw new Error('no answer was lost')
  },
}

const redisRestart: Fault = {
  name: 'redis-restart',
  title: 'Redis is killed and comes back, empty',
  seconds: [8, 30],
  allowance: { statuses: [] },
  run: (arena, scene) =>
    repeatedly(scene, 8, async () => {
      await arena.redis.end('SIGKILL')
      await seconds(3)
      await arena.redis.start()
      await withRedis(arena, (redis) => redis.send('FLUSHALL', []))
    }),
}

const redisPaused: Fault = {
  name: 'redis-paused',
  title: 'Redis stands still',
  seconds: [8, 20],
  allowance: { statuses: [] },
  async run(arena, scene) {
    arena.redis.signal('SIGSTOP')
    await seconds(scene.seconds)
    arena.redis.signal('SIGCONT')
  },
}

const redisDeaf: Fault = {
  name: 'redis-deaf',
  title: 'the connections that subscribe at Redis are killed',
  seconds: [6, 20],
  allowance: { statuses: [] },
  run: (arena, scene) => repeatedly(scene, 1, () => withRedis(arena, (redis) => redis.send('CLIENT', ['KILL', 'TYPE', 'pubsub']))),
}

/** Says everything that it hears again, twice and later: so each message arrives three times and out of order. */
const relayEcho: Fault = {
  name: 'relay-echo',
  title: "the relay's messages are doubled and reordered",
  seconds: [6, 20],
  allowance: { statuses: [] },
  async run(arena, scene) {
    const url = `redis://127.0.0.1:${arena.redis.port}`
    const [listener, speaker] = [new RedisClient(url), new RedisClient(url)]
    const said = new Set<string>()
    await speaker.connect()
    await listener.subscribe('zipzap:relay', (payload) => {
      if (said.has(payload)) return
      said.add(payload)
      for (const _ of [1, 2]) setTimeout(() => void speaker.publish('zipzap:relay', payload).catch(() => {}), Math.random() * 400)
    })
    await seconds(scene.seconds)
    listener.close()
    await seconds(0.5)
    speaker.close()
    if (said.size === 0) throw new Error('nothing was said at the relay')
  },
}

const halfOpen: Fault = {
  name: 'half-open',
  title: 'clients vanish without a word, or read no more',
  seconds: [8, 20],
  allowance: { statuses: [] },
  async run(arena, scene) {
    const storeId = scene.stores[0]?.storeId ?? ''
    const openSockets = async () => {
      const stats = await Promise.all(arena.places.map(({ api }) => api.get('/websocket/stats')))
      return stats.reduce((sum, { data }) => sum + data.totalConnections, 0)
    }
    const before = await openSockets()
    const clients = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const client = await RawClient.open(placeAt(arena, index).port)
        await client.authenticate({ userId: arena.owner.id, token: arena.owner.token, storeId })
        client.socket.answersPings = false
        client.socket.pause()
        return client
      }),
    )
    const deadline = performance.now() + Math.max(scene.seconds, 15) * 1000
    while ((await openSockets()) > before && performance.now() < deadline) await Bun.sleep(200)
    const left = (await openSockets()) - before
    for (const client of clients) client.socket.cut()
    if (left > 0) throw new Error(`${left} dead sockets are still counted`)
  },
}

const reload: Fault = {
  name: 'nginx-reload',
  title: 'nginx reloads and cuts every socket',
  seconds: [8, 30],
  screensPerStore: 20,
  // A request on a connection that the old worker is just closing.
  allowance: { statuses: [0], delayMs: 8_000 },
  run: (arena, scene) => repeatedly(scene, 8, () => arena.nginx.signal('SIGHUP')),
}

const heldStream: Fault = {
  name: 'held-stream',
  title: "a transaction holds one store's stream, and the others go on",
  seconds: [10, 30],
  tillsPerStore: 4,
  allowance: { statuses: [] },
  ofFirstStore: { statuses: [503, 409], delayMs: 60_000, answerMs: slowAnswerMs },
  async run(arena, scene) {
    await arena.sql.begin(async (tx) => {
      await tx`select 1 from streams where stream = ${`store:${scene.stores[0]?.storeId}`} for update`
      await seconds(scene.seconds)
    })
  },
}

export const faults: Fault[] = [
  kill,
  rolling,
  freeze,
  postgresFast,
  postgresImmediate,
  unreachable,
  lostCommit,
  redisRestart,
  redisPaused,
  redisDeaf,
  relayEcho,
  halfOpen,
  reload,
  heldStream,
  listen,
  backends,
]
