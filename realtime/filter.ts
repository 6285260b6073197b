import { isEphemeral } from '~/utils/contracts/event-types'
import type { LoggedEvent } from '~/utils/contracts/logged-event'

/** A client's own choice among what its role may see. Judged once a distinct filter and event, never once a socket. */
export type Filter = {
  /** Equal filters have equal keys. */
  key: string
  events: ReadonlySet<string> | null
  status: ReadonlySet<string> | null
  type: ReadonlySet<string> | null
}

type Choice = { events?: string[] | undefined; where?: { status?: string[] | undefined; type?: string[] | undefined } | undefined }

export const everything: Filter = { key: '', events: null, status: null, type: null }

export function toFilter({ events, where }: Choice): Filter {
  if (!events && !where?.status && !where?.type) return everything
  const sorted = (values: string[] | undefined) => (values ? [...new Set(values)].sort() : null)
  const parts = [sorted(events), sorted(where?.status), sorted(where?.type)]
  const [byEvent, byStatus, byType] = parts.map((values) => (values ? new Set(values) : null))
  return { key: JSON.stringify(parts), events: byEvent ?? null, status: byStatus ?? null, type: byType ?? null }
}

/** `where` asks about orders only: other events pass it. */
export function passes(event: LoggedEvent, filter: Filter): boolean {
  if (filter.events && !filter.events.has(event.type)) return false
  if (event.orderStatus === null) return true
  return (!filter.status || filter.status.has(event.orderStatus)) && (!filter.type || filter.type.has(event.orderType ?? ''))
}

/** The same choice for frames that are never logged (presence, custom actions). */
export const passesEphemeral = (type: string, filter: Filter): boolean => isEphemeral(type) && (!filter.events || filter.events.has(type))
