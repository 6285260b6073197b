import { readEventPage } from '~/db/event-page'
import { storeStream } from '~/db/streams'
import { type Member, viewOf } from '~/utils/actor'
import type { EventQuery, LoggedMessage } from '~/utils/contracts/event'
import type { LoggedEvent } from '~/utils/contracts/logged-event'
import { notFound, positionExpired } from '~/utils/errors'
import { frameOf } from '~/utils/event-view'
import { canOpen, opened } from '~/utils/sealing'

/**
 * The store's log as this member may see it, as WebSocket messages. Throws 410 when the log does not continue from the
 * position: another epoch, pruned since, ahead of the log, sealed with a key that is not configured any more, or tampered with.
 */
export async function listEvents(member: Member, { after, epoch, types, limit }: EventQuery) {
  const stream = storeStream(member.storeId)
  const view = viewOf(member.role)
  const page = await readEventPage(stream, { after, types, limit: limit + 1, view, userId: member.userId })
  if (!page) throw notFound()
  const { head } = page
  if (epoch !== undefined && epoch !== head.epoch) throw positionExpired()
  if (after < head.prunedSeq || after > head.seq) throw positionExpired()
  const events = page.events.slice(0, limit)
  if (events.some(({ enc }) => enc && !canOpen(enc))) throw positionExpired()
  const nextCursor = page.events.length > limit ? String(events.at(-1)?.seq) : null
  return { data: events.map((event) => messageOf(event, view)), nextCursor, position: `${stream}=${head.epoch}:${head.seq}` }
}

/** The text that a socket would get is a message by construction. */
function messageOf(event: LoggedEvent, view: ReturnType<typeof viewOf>): LoggedMessage {
  const plain = opened(event)
  if (!plain) throw positionExpired()
  return JSON.parse(frameOf(plain, view)) as LoggedMessage
}
