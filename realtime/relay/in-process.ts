import type { Relay } from '~/realtime/relay/relay'

/** One process on the embedded database: there is nobody to tell. */
export const inProcessRelay: Relay = {
  send: () => {},
  isUp: true,
  hasPeers: false,
  stop: async () => {},
}
