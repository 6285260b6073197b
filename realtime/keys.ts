import type { Subscription } from '~/realtime/subscription'
import { syncFrame } from '~/realtime/sync'
import { isSealing, keysOf, type StreamKey } from '~/utils/sealing'

/** Who gets the keys of sealed events: the user for its own stream, and those who see all of a store. */
const isEntitled = (subscription: Subscription): boolean => !subscription.isEnded && subscription.view === 'full'

/** The `keys` field of an answer; nothing where nothing is sealed or nobody may read it. */
export function keysField(subscriptions: Subscription[]): { keys?: StreamKey[] } {
  if (!isSealing()) return {}
  const keys = subscriptions.filter(isEntitled).flatMap(({ stream }) => keysOf(stream.name, stream.keyGeneration))
  return keys.length > 0 ? { keys } : {}
}

/** Hands a socket the keys of one stream: they have changed, or it may read them from now on. */
export function sendKeys(subscription: Subscription): void {
  const { keys } = keysField([subscription])
  if (keys) subscription.connection.send(syncFrame([subscription], { keys }))
}
