import { RedisClient } from 'bun'
import { type Channel, PeerRelay } from '~/realtime/relay/peers'
import type { Relay, RelayListener } from '~/realtime/relay/relay'

const channelName = 'zipzap:relay'
const maxPayloadLength = 256 * 1024

/** Plain pub/sub, which is enough for hints. A connection that subscribes can do nothing else: there are two. */
export async function openRedisRelay(redisUrl: string, listener: RelayListener): Promise<Relay> {
  let relay: PeerRelay | undefined
  let publisher = connect(redisUrl)
  let subscriber = connect(redisUrl)
  async function listen() {
    await Promise.all([publisher.connect(), subscriber.connect()])
    await subscriber.subscribe(channelName, (payload) => relay?.hear(payload))
  }
  // Redis is one part that may be away at the start: the probes bring it in later.
  await listen().catch(() => {})
  const channel: Channel = {
    async publish(payload) {
      await publisher.publish(channelName, payload)
    },
    async reopen() {
      // A client whose connection was killed may go on saying that it is connected: both are made anew.
      publisher.close()
      subscriber.close()
      publisher = connect(redisUrl)
      subscriber = connect(redisUrl)
      await listen()
    },
    async close() {
      publisher.close()
      subscriber.close()
    },
  }
  relay = new PeerRelay(channel, maxPayloadLength, listener)
  return relay
}

const connect = (url: string) =>
  new RedisClient(url, { connectionTimeout: 3_000, autoReconnect: true, maxRetries: 1_000_000, enableOfflineQueue: false })
