import { type QueryClient, type QueryKey, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'
import type { LoggedFrame, Position } from '~/ui/client/frames'
import type { RestClient, Rows } from '~/ui/client/rest'
import type { Connection } from '~/ui/hooks/connection'
import { followStore } from '~/ui/hooks/follow-store'
import { onNextFrame } from '~/ui/hooks/next-frame'
import { useConnection } from '~/ui/hooks/use-websocket'

/** Lists that are read once and then kept up to date by the events of their store. */

export type LiveRow = { id: string; version: number; createdAt: string }

/** What an event means for a list; undefined: nothing. `reread`: the list must be read anew. */
export type Change<Row> = { row: Row; isIn: boolean } | 'reread' | undefined

export type LiveListOptions<Row extends LiveRow> = {
  storeId: string
  queryKey: QueryKey
  limit: number
  read(rest: RestClient): Promise<Rows<Row>>
  changeOf(frame: LoggedFrame, rows: readonly Row[]): Change<Row>
}

/** Rows with the place in the stream up to which they contain everything. */
type LiveData<Row> = { rows: readonly Row[]; position: Position | undefined; isComplete: boolean }

export type LiveList<Row> = {
  /** Undefined until the first read; newest first. */
  data: readonly Row[] | undefined
  isPending: boolean
  error: Error | null
  /** What is shown is how it is: read, and followed by a live connection. */
  isLive: boolean
}

export function useLiveList<Row extends LiveRow>(options: LiveListOptions<Row>): LiveList<Row> {
  const { storeId, queryKey } = options
  const connection = useConnection({})
  const queries = useQueryClient()
  const isFollowed = () => connection.getRendered().snapshot.state === 'live' && connection.client.coverage(`store:${storeId}`) !== undefined
  const isCurrent = useSyncExternalStore(connection.subscribe, isFollowed, isFollowed)
  const { data, isPending, error, isFetching } = useQuery({
    queryKey,
    queryFn: () => readExactly(connection, options),
    select: rowsOf,
    staleTime: Number.POSITIVE_INFINITY,
    networkMode: 'always',
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    // While nobody looked, nobody kept it up to date.
    refetchOnMount: (query) => (query.getObserversCount() > 1 ? true : 'always'),
    structuralSharing: false,
  })
  const apply = useEffectEvent((frames: readonly LoggedFrame[]) => applyTo(queries, options, frames))
  const key = JSON.stringify(queryKey)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for everything that the options name
  useEffect(() => followList(connection, queries, queryKey, storeId, apply), [connection, queries, storeId, key])
  return { data, isPending, error, isLive: isCurrent && data !== undefined && !isFetching && !error }
}

const rowsOf = <Row>(data: LiveData<Row>) => data.rows

/**
 * Reads the list so that no event is missing between it and the stream: those that come while it is being read are
 * applied to it, and when the stream began after it was read, it is read once more.
 */
async function readExactly<Row extends LiveRow>(connection: Connection, options: LiveListOptions<Row>): Promise<LiveData<Row>> {
  const { client, rest } = connection
  const stream = `store:${options.storeId}`
  const meanwhile: LoggedFrame[] = []
  const end = client.on('*', (frame) => 'seq' in frame && frame.stream === stream && meanwhile.push(frame))
  try {
    for (let isAgain = false; ; isAgain = true) {
      const { rows, positions, isComplete } = await options.read(rest)
      const position = positions[stream]
      const from = client.coverage(stream)
      if (!from && position) client.startFrom(stream, position)
      if (isAgain || !from || covers(from, position)) return reduce({ rows, position, isComplete }, meanwhile, options).data
    }
  } finally {
    end()
  }
}

/** The stream tells of everything after this position. */
const covers = (from: Position, position: Position | undefined): boolean =>
  position !== undefined && position.epoch === from.epoch && position.seq >= from.seq

function followList(
  connection: Connection,
  queries: QueryClient,
  queryKey: QueryKey,
  storeId: string,
  apply: (frames: readonly LoggedFrame[]) => void,
): () => void {
  const { client } = connection
  const stream = `store:${storeId}`
  let waiting: LoggedFrame[] = []
  let cancel: (() => void) | undefined
  const reread = () => void queries.invalidateQueries({ queryKey, exact: true })
  const ends = [
    followStore(connection, storeId),
    client.on('*', (frame) => {
      if (!('seq' in frame) || frame.stream !== stream) return
      waiting.push(frame)
      cancel ??= onNextFrame(() => {
        cancel = undefined
        const frames = waiting
        waiting = []
        apply(frames)
      })
    }),
    client.on('reload', (reload) => {
      const from = client.coverage(stream)
      const data = queries.getQueryData<LiveData<unknown>>(queryKey)
      if (reload.stream === stream && !(data && from && covers(from, data.position))) reread()
    }),
    client.on('unsubscribed', ({ data }) => data.storeId === storeId && data.reason && reread()),
    client.subscribe(() => {
      // What could not be read while the server was away can be read now.
      if (client.getSnapshot().state === 'live' && queries.getQueryState(queryKey)?.status === 'error') reread()
    }),
  ]
  return () => {
    for (const end of ends) end()
    cancel?.()
  }
}

function applyTo<Row extends LiveRow>(queries: QueryClient, options: LiveListOptions<Row>, frames: readonly LoggedFrame[]): void {
  let mustReread = false
  queries.setQueryData<LiveData<Row>>(options.queryKey, (known) => {
    // Being read for the first time: `readExactly` has them.
    if (!known) return known
    const { data, isStale } = reduce(known, frames, options)
    mustReread = isStale
    return data
  })
  if (mustReread) void queries.invalidateQueries({ queryKey: options.queryKey, exact: true })
}

/** Applies events that the list does not contain, by version. */
export function reduce<Row extends LiveRow>(
  known: LiveData<Row>,
  frames: readonly LoggedFrame[],
  { changeOf, limit }: Pick<LiveListOptions<Row>, 'changeOf' | 'limit'>,
): { data: LiveData<Row>; isStale: boolean } {
  let { position } = known
  let isStale = false
  const changed = new Map<string, { row: Row; isIn: boolean }>()
  const versions = new Map(known.rows.map((row) => [row.id, row.version]))
  for (const frame of frames) {
    if (position && frame.epoch === position.epoch && frame.seq <= position.seq) continue
    position = { epoch: frame.epoch, seq: frame.seq }
    const change = changeOf(frame, known.rows)
    if (change === 'reread') isStale = true
    else if (change && (versions.get(change.row.id) ?? 0) < change.row.version) {
      versions.set(change.row.id, change.row.version)
      changed.set(change.row.id, change)
    }
  }
  if (changed.size === 0) return { data: position === known.position ? known : { ...known, position }, isStale }
  const kept = known.rows.flatMap((row) => {
    const change = changed.get(row.id)
    changed.delete(row.id)
    if (!change) return [row]
    return change.isIn ? [change.row] : []
  })
  const added = [...changed.values()].filter((change) => change.isIn).map((change) => change.row)
  const rows = added.length === 0 ? kept : [...added, ...kept].sort(newestFirst)
  // Beyond the end of a list that was cut there may be rows to take the place of those that went.
  if (!known.isComplete && rows.length < Math.min(limit, known.rows.length)) isStale = true
  return { data: { rows: rows.slice(0, limit), position, isComplete: known.isComplete && rows.length <= limit }, isStale }
}

const newestFirst = (a: LiveRow, b: LiveRow): number => b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id)
