import { readEventFacts, type StreamStart } from '~/db/hub-reads'
import { concerns } from '~/realtime/ring'
import type { Subscription } from '~/realtime/subscription'
import type { Role } from '~/utils/contracts/common'
import type { MemberData } from '~/utils/contracts/event-data'
import type { ResumeReason } from '~/utils/contracts/frames'
import type { LoggedEvent } from '~/utils/contracts/logged-event'
import type { StreamPosition } from '~/utils/contracts/messages'
import { isAboutMember } from '~/utils/event-view'

/** A client further behind than this is better served by a snapshot. */
const maxBehind = 10_000

/** Why a position cannot be continued; null when it can, as far as the head tells. */
export function refusalOf(position: StreamPosition, head: StreamStart): ResumeReason | null {
  if (position.epoch !== head.epoch) return 'epoch_changed'
  if (position.seq > head.seq) return 'ahead'
  if (position.seq < head.prunedSeq) return 'expired'
  return head.seq - position.seq > maxBehind ? 'too_far' : null
}

/**
 * Judges the events between a position and the head: how many of them the subscription will be sent, or that the place
 * is lost (`expired`). The place in a store is lost when, in between, this member was away or got to see more than before:
 * some of those events were not for him then, and a recovery with holes would look like a whole one. Of his own stream
 * nobody ever loses sight.
 */
export async function surveyMissed(subscription: Subscription, after: number, head: number): Promise<number | 'expired'> {
  if (after === head) return 0
  const { stream, view, userId, filter, connection } = subscription
  const leastRole = connection.user?.kind === 'device' ? 'kiosk' : 'kitchen'
  await stream.backfill(after)
  const known = stream.ring.after(after)?.map((entry) => entry.event)
  const missed = (known ?? (await readEventFacts(stream.name, after, head))).filter((event) => event.seq <= head)
  if (missed.length < head - after) return 'expired'
  const isOfStore = stream.name.startsWith('store:')
  if (isOfStore && missed.some((event) => isAboutMember(event) && event.subjectId === userId && lostSight(event, leastRole))) return 'expired'
  return missed.filter((event) => concerns(event, view, userId, filter)).length
}

/** Removed at some time, or given a role that may see more than the one before it: any but the one that sees least. */
const lostSight = (event: LoggedEvent, leastRole: Role): boolean => {
  const { action, role } = memberChangeOf(event)
  return action === 'member_removed' || (action === 'member_changed' && role !== leastRole)
}

/** The data of a membership event, which our own controllers wrote. */
export const memberChangeOf = (event: LoggedEvent) => JSON.parse(event.json) as MemberData
