import { type SQL, sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { eventColumns, eventWidth, toLoggedEvent } from '~/db/events'
import { runBuilt } from '~/db/statement'
import type { StreamHead } from '~/db/streams'
import type { View } from '~/utils/actor'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { customerTypes, orderTypes } from '~/utils/event-view'

export type EventPageRequest = { after: number; limit: number; types?: string[] | undefined; view: View; userId: string }
export type EventPage = { head: StreamHead; events: LoggedEvent[] }

/**
 * The events of a store's stream after a position that a reader may see, ascending, at most `limit`, with the stream's
 * head: one statement, hence one snapshot. Null for a stream that was never made.
 */
export async function readEventPage(stream: StreamName, request: EventPageRequest): Promise<EventPage | null> {
  const types = request.types ? sql`and e.type in ${request.types}` : sql``
  const rows = await runBuilt(
    db,
    sql`select ${eventColumns}, s.epoch, s.last_seq::float8, s.pruned_seq::float8
    from streams s left join lateral (
      select * from events e where e.stream = s.stream and e.seq > ${request.after} ${types} and ${visibleTo(request.view, request.userId)}
      order by e.seq limit ${request.limit}
    ) e on true
    where s.stream = ${stream} order by e.seq`,
  )
  const [first] = rows
  if (!first) return null
  const [epoch, seq, prunedSeq] = first.slice(eventWidth)
  const events = rows.flatMap((row) => (row[0] === null ? [] : toLoggedEvent(stream, row)))
  return { head: { stream, epoch: String(epoch), seq: Number(seq), prunedSeq: Number(prunedSeq) }, events }
}

/** `isVisible` of utils/event-view.ts for a store's stream, in SQL, so that hidden events do not shorten a page. */
function visibleTo(view: View, userId: string): SQL {
  if (view === 'full') return sql`true`
  if (view === 'kitchen') return sql`e.type not in ${customerTypes}`
  return sql`(e.type in ('product_updated', 'category_updated') or (e.type = 'store_updated' and e.subject_id = e.store_id)
    or (e.type in ${orderTypes} and e.order_created_by = ${userId}))`
}
