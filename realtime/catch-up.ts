import type { Connection } from '~/realtime/connection'
import type { LogPages } from '~/realtime/log-pages'
import { concerns, type EncodedEvent } from '~/realtime/ring'
import type { Subscription } from '~/realtime/subscription'
import { syncFrame } from '~/realtime/sync'
import { logger } from '~/utils/logger'

/** Events handed to a socket before its buffer is looked at again. */
const chunkEvents = 100
/** A chunk ends at this size, or at a quarter of what may wait unread: live events of other streams need room too. */
const maxChunkBytes = 64 * 1024

/**
 * Brings subscriptions from their positions to live: missed events in order, then `sync {live: true}`, then live ones.
 * The last look at each stream, the join and the `sync` happen in one tick, so nothing can come between. It sends as
 * fast as the socket reads, and never counts as slowness itself.
 */
async function catchUp(connection: Connection, subscriptions: Subscription[], pages: LogPages): Promise<void> {
  for (;;) {
    const behind = subscriptions.find((subscription) => !isAtHead(subscription))
    if (!behind) break
    await sendMissed(behind, pages)
    if (connection.isClosed) return
  }
  connection.send(goLive(subscriptions))
}

/** They have everything up to their streams' heads. Answers the frame that says so. */
function goLive(subscriptions: Subscription[]): string {
  for (const subscription of subscriptions) if (!subscription.isEnded && !subscription.isLive) subscription.stream.goLive(subscription)
  return syncFrame(subscriptions, { live: true })
}

/**
 * When everything missed is at hand and little, it leaves with the answer and `sync` in one system call, since these are most
 * of what a reconnect costs. False: nothing was done.
 */
function catchUpAtOnce(connection: Connection, answer: string, subscriptions: Subscription[]): boolean {
  const frames = [answer]
  let bytes = 0
  for (const subscription of subscriptions) {
    if (subscription.isEnded || subscription.isLive || subscription.position === subscription.stream.headSeq) continue
    const entries = subscription.stream.ring.after(subscription.position, chunkEvents + 1)
    if (!entries || entries.length > chunkEvents) return false
    for (const frame of framesFor(subscription, entries)) {
      frames.push(frame)
      bytes += Buffer.byteLength(frame)
      if (bytes > chunkBytesOf(connection)) return false
    }
  }
  for (const subscription of subscriptions) {
    if (subscription.isEnded || subscription.isLive) continue
    subscription.position = subscription.stream.headSeq
    subscription.stream.flush()
  }
  frames.push(goLive(subscriptions))
  connection.sendAll(frames, bytes + Buffer.byteLength(answer))
  return true
}

function* framesFor({ view, userId, filter }: Subscription, entries: readonly EncodedEvent[]): Iterable<string> {
  for (const entry of entries) if (concerns(entry.event, view, userId, filter)) yield entry.frame(view)
}

const chunkBytesOf = (connection: Connection): number => Math.min(maxChunkBytes, connection.maxBufferedBytes / 4)

/** Nothing is left to send before the live events. What the stream still holds back goes to its other sockets first. */
function isAtHead(subscription: Subscription): boolean {
  if (subscription.isEnded || subscription.isLive) return true
  if (subscription.position < subscription.stream.headSeq) return false
  subscription.stream.flush()
  return true
}

/** Sends what is at hand of the missed events. What a slow socket cannot take yet is not kept for it: it asks again. */
async function sendMissed(subscription: Subscription, pages: LogPages): Promise<void> {
  const { connection, stream } = subscription
  let entries = stream.ring.after(subscription.position, chunkEvents) ?? (await readMissed(subscription, pages))
  while (entries.length > 0 && !connection.isClosed && !subscription.isEnded) {
    entries = entries.slice(sendChunk(subscription, entries))
    if (connection.bufferedBytes === 0) continue
    while (connection.bufferedBytes > 0) await connection.drained()
    return
  }
}

/** Answers how many of the entries are done with. */
function sendChunk(subscription: Subscription, entries: readonly EncodedEvent[]): number {
  const { connection } = subscription
  const chunkBytes = chunkBytesOf(connection)
  const frames: string[] = []
  let bytes = 0
  let done = 0
  for (const entry of entries) {
    if (concerns(entry.event, subscription.view, subscription.userId, subscription.filter)) {
      const frame = entry.frame(subscription.view)
      const frameBytes = Buffer.byteLength(frame)
      if (bytes + frameBytes > chunkBytes && bytes > 0) break
      frames.push(frame)
      bytes += frameBytes
    }
    subscription.position = entry.event.seq
    done += 1
  }
  if (frames.length > 0) connection.sendAll(frames, bytes)
  return done
}

/** Lets other work in: pages that are at hand would otherwise leave one after another in a single turn. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function readMissed(subscription: Subscription, pages: LogPages): Promise<EncodedEvent[]> {
  await nextTurn()
  const { stream, position } = subscription
  const entries = await pages.after(stream.name, stream.epoch, position, stream.headSeq)
  if (entries.length > 0 && entries.every(({ event }) => event.epoch === stream.epoch)) return entries
  // Pruned, or replaced by another log, while the client was being caught up: it comes back, and is told to reload.
  subscription.connection.close(1012, 'The missed events are no longer there')
  return []
}

/** Sends the answer, and what was missed after it. Runs beside later messages; `connection.catchUp` tells those that must wait for it. */
export function startCatchUp(connection: Connection, answer: string, subscriptions: Subscription[], pages: LogPages): void {
  for (const subscription of subscriptions) subscription.isTold = true
  if (connection.bufferedBytes === 0 && catchUpAtOnce(connection, answer, subscriptions)) return
  connection.send(answer)
  const running = catchUp(connection, subscriptions, pages)
    .catch((error: unknown) => {
      logger.error({ err: error, sessionId: connection.sessionId }, 'websocket: catching up failed')
      connection.close(1011)
    })
    .finally(() => {
      if (connection.catchUp === running) connection.catchUp = null
    })
  connection.catchUp = running
}
