import { halfOpen, reload, storm } from './client-faults'
import { type Fault, killBackends, placeAt, repeatedly, seconds, slowAnswerMs, untilReady } from './fault'
import { clock, descriptors } from './machine-faults'
import { listen, redisDeaf, redisPaused, redisRestart, relayEcho } from './relay-faults'

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
  // Ten times in the long version.
  seconds: [16, 80],
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
  seconds: [18, 60],
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

const heldStream: Fault = {
  name: 'held-stream',
  title: "a transaction holds one store's stream, and the others go on",
  seconds: [10, 60],
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

/** In the order in which they come. */
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
  storm,
  heldStream,
  listen,
  backends,
  clock,
  descriptors,
]
