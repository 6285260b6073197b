import { readEvents } from '~/db/events'
import { readHead } from '~/db/streams'
import type { StreamName } from '~/utils/contracts/logged-event'

/** Follows a stream of the log from now on: each call answers what was logged since the last one. */
export async function followLog(stream: string) {
  const name = stream as StreamName
  let after = (await readHead(name))?.seq ?? 0
  return async () => {
    const events = await readEvents(name, after, Number.MAX_SAFE_INTEGER, 1000)
    after = events.at(-1)?.seq ?? after
    return events.map((event) => ({ ...event, data: JSON.parse(event.json) }))
  }
}

/** An id of the seventh version, which not every PostgreSQL makes. */
const uuid = "overlay(gen_random_uuid()::text placing '7' from 15)::uuid"

/** SQL of three notifications past all of the server's code: as if another instance had written them and the news were lost. */
export const unheardOf = (storeId: string, text: string): string =>
  `with moved as (update streams set last_seq = last_seq + 3 where stream = 'store:${storeId}' returning last_seq)
    insert into events (stream, seq, id, type, data, store_id, subject_id)
    select 'store:${storeId}', last_seq - 3 + n, ${uuid}, 'general_notification',
      json_build_object('message', '${text}.' || n, 'level', 'info', 'notificationId', ${uuid}), '${storeId}', ${uuid}
    from moved, generate_series(1, 3) as n`
