import { and, eq } from 'drizzle-orm'
import { withEvents } from '~/db/events'
import { members } from '~/db/schema'
import { storeStream, userStream } from '~/db/streams'
import type { Member } from '~/utils/actor'
import type { CreateNotification, Notification } from '~/utils/contracts/notification'
import { invalidField } from '~/utils/errors'
import { wsManager } from '~/utils/websocket'

/** A notification is its event: it is kept as long as the log keeps it. */
export async function createNotification(member: Member, { message, level, userId }: CreateNotification) {
  const { storeId } = member
  const written = await withEvents(member, async (tx, emit) => {
    if (userId) {
      const found = await tx
        .select({ userId: members.userId })
        .from(members)
        .where(and(eq(members.storeId, storeId), eq(members.userId, userId)))
      if (found.length === 0) throw invalidField('userId', 'is not a member of this store')
    }
    const id = Bun.randomUUIDv7()
    emit({
      stream: userId ? userStream(userId) : storeStream(storeId),
      type: 'general_notification',
      data: { message, level, notificationId: id },
      subjectId: id,
      storeId,
    })
    const notification: Notification = { id, storeId, message, level, userId, createdAt: new Date().toISOString() }
    return notification
  })
  wsManager.sendNotification(userId ?? storeId, written.events)
  return written
}
