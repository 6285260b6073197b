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
