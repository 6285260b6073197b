import { eq } from 'drizzle-orm'
import { db } from '~/db/client'
import { streams } from '~/db/schema'
import type { Transaction } from '~/db/session'
import type { StreamName } from '~/utils/contracts/logged-event'

/** Streams by name, and where they begin and end. */

export const storeStream = (storeId: string): StreamName => `store:${storeId}`
export const userStream = (userId: string): StreamName => `user:${userId}`
export const idOfStream = (stream: string): string => stream.slice(stream.indexOf(':') + 1)

export const newEpoch = () => crypto.randomUUID().replaceAll('-', '').slice(0, 16)

/** Makes a stream, so that it has a position before its first event. For new users and stores. */
export async function createStream(tx: Transaction, stream: StreamName): Promise<void> {
  await tx.insert(streams).values({ stream, epoch: newEpoch() }).onConflictDoNothing()
}

export type StreamHead = { stream: StreamName; epoch: string; seq: number; prunedSeq: number }

/** Where a stream ends now; null for a stream that was never made. */
export async function readHead(stream: StreamName): Promise<StreamHead | null> {
  const [head] = await db.select().from(streams).where(eq(streams.stream, stream))
  return head ? { stream, epoch: head.epoch, seq: head.lastSeq, prunedSeq: head.prunedSeq } : null
}
