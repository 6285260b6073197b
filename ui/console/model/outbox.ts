import { useSyncExternalStore } from 'react'
import { Outbox, type OutboxSnapshot, type PendingWrite, type WriteRoute } from '~/ui/client/outbox'
import { IndexedDbOutboxStorage } from '~/ui/client/outbox-storage'
import type { Answer } from '~/ui/client/rest'
import type { CallOptions, Routes } from '~/ui/client/rest-routes'
import { rest } from '~/ui/console/model/rest'

/** What is written at the counter and in the kitchen may have to wait for the network: orders, statuses, payments. */

let current: { owner: string; outbox: Outbox } | undefined

/** The outbox of the signed-in user. Another user's stays stored, and is sent when that one signs in again. */
export function outboxOf(userId: string): Outbox {
  if (current?.owner === userId) return current.outbox
  closeOutbox()
  current = { owner: userId, outbox: new Outbox({ owner: userId, storage: new IndexedDbOutboxStorage(), rest }) }
  return current.outbox
}

/** Nothing more is sent in the name of who was signed in. */
export function closeOutbox(): void {
  current?.outbox.stop()
  current = undefined
}

export const useOutbox = (outbox: Outbox): OutboxSnapshot => useSyncExternalStore(outbox.subscribe, outbox.getSnapshot)

/** Where a write stands after the first moments: done, or stored and on its way. */
export type Sent<Data> = { isDone: true; answer: Answer<Data> } | { isDone: false; answer: Promise<Answer<Data>> }

/** While the server answers, its refusal comes within this; later ones are told as notices. */
const patienceMs = 4000

/**
 * Stores and sends a write. With a connection the answer is waited for, so that a refusal is told where it was caused;
 * it throws then, and the write is forgotten. Without one the write waits.
 */
export async function sendSoon<R extends WriteRoute>(
  outbox: Outbox,
  isLive: boolean,
  route: R,
  options: Pick<CallOptions<R>, 'params' | 'body'>,
): Promise<Sent<Routes[R]['data']>> {
  const { key, answer } = await outbox.add(route, options)
  if (!isLive) return { isDone: false, answer }
  try {
    const first = await Promise.race([answer, pause(patienceMs)])
    return first ? { isDone: true, answer: first } : { isDone: false, answer }
  } catch (error) {
    await outbox.dismiss(key)
    throw error
  }
}

const pause = (ms: number): Promise<undefined> => new Promise((resolve) => setTimeout(resolve, ms, undefined))

/** The same write once more, as a new one: the server keeps no refusal. */
export async function tryAgain(outbox: Outbox, { key, route, params, body }: PendingWrite): Promise<void> {
  await outbox.dismiss(key)
  await outbox.add(route, asStored({ params, body }))
}

/** It was stored as the options of this very route. */
const asStored = (options: Pick<PendingWrite, 'params' | 'body'>) => options as never
