/**
 * What is left when the writers have stopped, and the judge who compares it: the log and the rows as the database has
 * them, what the writers were told, and what the listeners heard. The judge knows nothing of how the log is made, so
 * that any other one can be held against the same promises.
 */

export type Head = { stream: string; lastSeq: number; prunedSeq: number }
/** An event as it stands in the log. `marker` names the request, where the resource carries it. */
export type Logged = { stream: string; seq: number; id: string; subjectId: string; version: number; marker: string | null }
/** A resource as it stands in its table. Its version counts the committed changes. */
export type Row = { id: string; stream: string; version: number; marker: string | null; number: number | null }
/** A change that a writer was told of: it made this version, and the log reached this position. */
export type Acknowledged = { subjectId: string; version: number; stream: string; seq: number; marker: string | null }
/** All that one listener was sent of a stream after the position where it began. */
export type Heard = { listener: string; stream: string; after: number; events: { seq: number; id: string }[] }

export type Evidence = {
  heads: Head[]
  log: Logged[]
  rows: Row[]
  acknowledged: Acknowledged[]
  /** Markers of requests that were refused, or rolled back. */
  refused: string[]
  heard: Heard[]
}

export const promises = {
  contiguous: 'every stream counts from 1 without a gap',
  kept: 'nothing acknowledged is lost',
  unseen: 'nothing rolled back is seen',
  once: 'nothing happens twice',
  heard: 'every listener hears each event once, in order',
} as const
export type Promised = keyof typeof promises
export type Faults = Record<Promised, string[]>

export function judge(evidence: Evidence): Faults {
  return {
    contiguous: gaps(evidence),
    kept: lost(evidence),
    unseen: ghosts(evidence),
    once: doubles(evidence),
    heard: evidence.heard.flatMap((heard) => misheard(evidence, heard)),
  }
}

function gaps({ heads, log }: Evidence): string[] {
  const byStream = Map.groupBy(log, (event) => event.stream)
  const strays = [...byStream.keys()].filter((stream) => !heads.some((head) => head.stream === stream))
  const faults = heads.flatMap(({ stream, lastSeq, prunedSeq }) => {
    const seqs = new Set((byStream.get(stream) ?? []).map((event) => event.seq))
    const missing = range(prunedSeq, lastSeq).filter((seq) => !seqs.has(seq))
    const stray = [...seqs].filter((seq) => seq <= prunedSeq || seq > lastSeq)
    return [...missing.map((seq) => `${stream} has no ${seq}`), ...stray.map((seq) => `${stream} has ${seq}, outside ${prunedSeq} to ${lastSeq}`)]
  })
  return [...faults, ...strays.map((stream) => `${stream} has events and no head`)]
}

function lost({ acknowledged, rows, log, heads }: Evidence): string[] {
  const rowOf = new Map(rows.map((row) => [row.id, row]))
  const changes = new Set(log.map(changeOf))
  const lastSeqOf = new Map(heads.map((head) => [head.stream, head.lastSeq]))
  return acknowledged.flatMap((told) => {
    const row = rowOf.get(told.subjectId)
    const name = `${told.subjectId} in version ${told.version}`
    if (!row || row.version < told.version || (told.marker !== null && row.marker !== told.marker)) return [`${name} was told and is not there`]
    if (!changes.has(changeOf(told))) return [`${name} was told and is not in the log`]
    return (lastSeqOf.get(told.stream) ?? 0) < told.seq ? [`${told.stream} was told to be at ${told.seq} and is not`] : []
  })
}

function ghosts({ refused, rows, log, heard }: Evidence): string[] {
  const never = new Set(refused)
  const known = new Set(log.map((event) => `${event.stream} ${event.id}`))
  const marked = [...rows, ...log].filter(({ marker }) => marker !== null && never.has(marker))
  const unknown = heard.flatMap(({ listener, stream, events }) =>
    events
      .filter((event) => !known.has(`${stream} ${event.id}`))
      .map((event) => `${listener} heard ${event.seq} of ${stream}, which is not in the log`),
  )
  return [...marked.map(({ marker }) => `${marker} was refused and is there`), ...unknown]
}

/** One row a request, one event a version, one number an order. */
function doubles({ rows, log }: Evidence): string[] {
  const versions = Map.groupBy(log, (event) => event.subjectId)
  const uneven = rows.filter((row) => {
    const told = (versions.get(row.id) ?? []).map((event) => event.version)
    return told.length !== row.version || new Set(told).size !== row.version
  })
  const numbers = Map.groupBy(
    rows.filter((row) => row.number !== null),
    (row) => row.stream,
  )
  return [
    ...repeated(rows.flatMap((row) => row.marker ?? [])).map((marker) => `${marker} was done more than once`),
    ...repeated(log.map((event) => event.id)).map((id) => `event ${id} is in the log more than once`),
    ...uneven.map((row) => `${row.id} has version ${row.version} and ${versions.get(row.id)?.length ?? 0} events`),
    ...[...numbers].flatMap(([stream, ofStream]) => {
      const sorted = ofStream.map((row) => row.number ?? 0).sort((a, b) => a - b)
      return sorted.flatMap((number, index) => (number === 1001 + index ? [] : [`${stream} has the number ${number} in place of ${1001 + index}`]))
    }),
  ]
}

function misheard({ heads, log }: Evidence, { listener, stream, after, events }: Heard): string[] {
  const last = heads.find((head) => head.stream === stream)?.lastSeq ?? 0
  const idOf = new Map(log.filter((event) => event.stream === stream).map((event) => [event.seq, event.id]))
  const heard = new Set(events.map((event) => event.seq))
  const missed = [...idOf.keys()].filter((seq) => seq > after && seq <= last && !heard.has(seq))
  const disordered = events.filter((event, index) => event.seq <= (events[index - 1]?.seq ?? after))
  const others = events.filter((event) => idOf.has(event.seq) && idOf.get(event.seq) !== event.id)
  return [
    ...missed.map((seq) => `${listener} missed ${seq} of ${stream}`),
    ...disordered.map(({ seq }) => `${listener} heard ${seq} of ${stream} twice or out of order`),
    ...others.map(({ seq }) => `${listener} heard another event as ${seq} of ${stream}`),
  ]
}

const changeOf = ({ subjectId, version }: { subjectId: string; version: number }) => `${subjectId} ${version}`
const range = (after: number, last: number) => Array.from({ length: Math.max(0, last - after) }, (_, index) => after + 1 + index)

function repeated(values: string[]): string[] {
  const seen = new Set<string>()
  return values.filter((value) => seen.has(value) || !seen.add(value))
}
