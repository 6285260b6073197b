import type { Connection } from '~/realtime/connection'

/** Limits on what one client may ask for. */
export const maxSubscriptions = 50
export const maxSocketsPerUser = 50
/** Bytes of one client message. */
export const maxMessageBytes = 16 * 1024

/** Stores and followed orders; the user's own stream does not count. */
export const countSubscriptions = (connection: Connection): number =>
  (connection.tracked?.size ?? 0) + connection.subscriptions.names.filter((name) => name.startsWith('store:')).length
