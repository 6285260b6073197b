import { RedisClient } from 'bun'
import type { Arena } from './arena'
import { type Fault, killBackends, repeatedly, seconds } from './fault'

/** What carries the news between instances goes wrong: nothing may be lost for it, nor fail. */

async function withRedis<T>(arena: Arena, work: (redis: RedisClient) => Promise<T>): Promise<T> {
  const redis = new RedisClient(`redis://127.0.0.1:${arena.redis.port}`, { autoReconnect: false })
  await redis.connect()
  return work(redis).finally(() => redis.close())
}

export const redisRestart: Fault = {
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

export const redisPaused: Fault = {
  name: 'redis-paused',
  title: 'Redis stands still',
  seconds: [8, 30],
  allowance: { statuses: [] },
  async run(arena, scene) {
    arena.redis.signal('SIGSTOP')
    await seconds(scene.seconds)
    arena.redis.signal('SIGCONT')
  },
}

export const redisDeaf: Fault = {
  name: 'redis-deaf',
  title: 'the connections that subscribe at Redis are killed',
  seconds: [6, 20],
  allowance: { statuses: [] },
  run: (arena, scene) => repeatedly(scene, 1, () => withRedis(arena, (redis) => redis.send('CLIENT', ['KILL', 'TYPE', 'pubsub']))),
}

/** Says everything that it hears again, twice and later: so each message arrives three times and out of order. */
export const relayEcho: Fault = {
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

export const listen: Fault = {
  name: 'listen',
  title: 'the connections that LISTEN are killed',
  relay: 'postgres',
  seconds: [8, 30],
  allowance: { statuses: [] },
  run: (arena, scene) => repeatedly(scene, 1, () => killBackends(arena, ['zipzap-relay'])),
}
