import type { HubContext } from '~/realtime/context'
import { sendKeys } from '~/realtime/keys'
import type { LiveStream } from '~/realtime/live-stream'
import { memberChangeOf } from '~/realtime/resume'
import type { LoggedEvent } from '~/utils/contracts/logged-event'
import { isSealing, rotatesKey } from '~/utils/sealing'

/**
 * A member's rights end or change exactly at the event that says so: the stream calls this after sending it and before
 * any later one. So no instance needs to be told of a revocation in any other way than by the log.
 */
export function applyMemberEvent(hub: HubContext, stream: LiveStream, event: LoggedEvent): void {
  if (!stream.name.startsWith('store:')) return
  const change = memberChangeOf(event)
  const { action, userId, role } = change
  const isRemoved = action === 'member_removed'
  for (const connection of [...hub.sockets.ofUser(userId)]) {
    const subscription = connection.subscriptions.get(stream.name)
    if (!subscription) continue
    if (isRemoved) {
      hub.unsubscribe(connection, stream.name)
      connection.sendMessage('unsubscribed', { storeId: stream.ownerId, reason: 'revoked' })
    } else {
      stream.change(subscription, { role })
      sendKeys(subscription)
    }
  }
  if (action === 'member_changed') hub.cluster.presence.setRole(stream.ownerId, userId, role)
  if (rotatesKey({ stream: stream.name, type: event.type, data: change })) rotateKey(stream)
}

/** Those who may still read the stream get its new key, ahead of the first event that is sealed with it. */
function rotateKey(stream: LiveStream): void {
  stream.keyGeneration += 1
  if (isSealing()) for (const subscription of stream.subscriptions.values()) sendKeys(subscription)
}
