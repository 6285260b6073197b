import type { DevicePosition, StreamStart, SubscriptionStart } from '~/db/hub-reads'
import { startCatchUp } from '~/realtime/catch-up'
import type { Connection } from '~/realtime/connection'
import type { HubContext } from '~/realtime/context'
import { everything, toFilter } from '~/realtime/filter'
import { trackOrder } from '~/realtime/guests'
import { keysField } from '~/realtime/keys'
import { countSubscriptions, maxSubscriptions } from '~/realtime/limits'
import type { LiveStream } from '~/realtime/live-stream'
import { encodeFrame, withReply } from '~/realtime/protocol'
import { memberChangeOf, refusalOf, surveyMissed } from '~/realtime/resume'
import { Subscription } from '~/realtime/subscription'
import { isId, type Role } from '~/utils/contracts/common'
import type { StreamAnswer } from '~/utils/contracts/frames'
import type { StreamName } from '~/utils/contracts/logged-event'
import type { Authenticate, StreamPosition, Subscribe } from '~/utils/contracts/messages'
import { isAboutMember } from '~/utils/event-view'
import { logger } from '~/utils/logger'
import { metrics } from '~/utils/metrics'

/** A stream that a message asks for. */
export type Wish = {
  stream: StreamName
  /** The client's filter; null leaves it as it is (or unfiltered, when new). */
  choice: Pick<Authenticate, 'events' | 'where'> | null
  /** The client's position; undefined leaves a running subscription where it is. */
  resume: StreamPosition | undefined
}

export type Subscriber = { userId: string; name: string }

export type Begun = { subscriptions: Subscription[]; answers: Record<StreamName, StreamAnswer> }

/**
 * Makes or changes the subscriptions of one message. `start` was read after the streams began to listen; from the moment
 * a subscription is placed, changes of the membership reach it through its stream. Nothing is sent to it before
 * `startCatchUp`. Answers null when the membership ended meanwhile; throws when the log cannot be read.
 */
export async function begin(
  hub: HubContext,
  connection: Connection,
  who: Subscriber,
  wishes: Wish[],
  start: SubscriptionStart,
): Promise<Begun | null> {
  const begun: Begun = { subscriptions: [], answers: {} }
  try {
    for (const wish of wishes) {
      const head = start.streams.find((candidate) => candidate.stream === wish.stream)
      if (!head) throw new Error(`${wish.stream} was never made`)
      const stream = await hub.streams.reach(wish.stream, head)
      if (connection.isClosed) return null
      const device = start.positions.find((candidate) => candidate.stream === wish.stream)
      const isStore = wish.stream.startsWith('store:')
      const role = isStore ? roleByNow(stream, who.userId, start.role, head.seq) : null
      if (isStore && role === null) return null
      const { subscription, answer } = place(hub, connection, who, { wish, head, stream, role, device })
      begun.subscriptions.push(subscription)
      begun.answers[wish.stream] = await answer
    }
  } catch (error) {
    // A subscription that was running would be lost without a word: such a socket comes back instead.
    if (wishes.some(({ stream }) => connection.subscriptions.has(stream))) connection.close(1011)
    throw error
  }
  return begun.subscriptions.some((subscription) => subscription.isEnded) ? null : begun
}

type Place = { wish: Wish; head: StreamStart; stream: LiveStream; role: Role | null; device: DevicePosition | undefined }

/** Synchronous up to the answer: between the last look at the stream and the placing nothing can happen. */
function place(hub: HubContext, connection: Connection, who: Subscriber, at: Place): { subscription: Subscription; answer: Promise<StreamAnswer> } {
  const { wish, head, stream, role } = at
  const existing = connection.subscriptions.get(stream.name)
  const filter = wish.choice ? toFilter(wish.choice) : (existing?.filter ?? everything)
  if (existing && !wish.resume) {
    stream.change(existing, { role, filter })
    return { subscription: existing, answer: Promise.resolve({ epoch: stream.epoch, seq: stream.headSeq, resumed: true, replayed: 0 }) }
  }
  if (existing) hub.unsubscribe(connection, stream.name)
  const position = wish.resume ?? at.device
  const reason = position ? refusalOf(position, head) : null
  const canResume = position !== undefined && reason === null
  const subscription = new Subscription(connection, stream, who.userId, role, filter, canResume ? position.seq : head.seq)
  stream.add(subscription)
  connection.subscriptions.add(subscription)
  if (role) hub.cluster.presence.join(stream.ownerId, who.userId, who.name, role)
  if (position && reason) metrics.resumes.inc({ result: 'no', reason })
  const lost: StreamAnswer = { epoch: head.epoch, seq: head.seq, resumed: false, replayed: 0, ...(reason && { reason }) }
  return { subscription, answer: canResume ? resume(subscription, position.seq, head) : Promise.resolve(lost) }
}

async function resume(subscription: Subscription, after: number, head: StreamStart): Promise<StreamAnswer> {
  const replayed = await surveyMissed(subscription, after, head.seq)
  metrics.resumes.inc(replayed === 'expired' ? { result: 'no', reason: replayed } : { result: 'yes', reason: '' })
  if (replayed !== 'expired') return { epoch: head.epoch, seq: head.seq, resumed: true, replayed }
  subscription.position = head.seq
  return { epoch: head.epoch, seq: head.seq, resumed: false, replayed: 0, reason: 'expired' }
}

/**
 * The role after the changes of the membership that the stream passed since `start` was read; null when it ended. Throws
 * when the stream does not remember them: the question must be asked again.
 */
function roleByNow(stream: LiveStream, userId: string, role: Role | null, seq: number): Role | null {
  const passed = stream.passedSince(seq)
  if (!passed) throw new Error(`${stream.name} has moved on too far`)
  const last = passed.findLast((event) => isAboutMember(event) && event.subjectId === userId)
  if (!last) return role
  const change = memberChangeOf(last)
  return change.action === 'member_removed' ? null : change.role
}

/** `subscribe`: adds or replaces a subscription to a store, or follows one order by its tracking token. */
export async function subscribe(hub: HubContext, connection: Connection, data: Subscribe, replyTo: string | undefined): Promise<void> {
  if ('trackingToken' in data) return trackOrder(hub, connection, data.trackingToken, replyTo)
  const { user } = connection
  if (!user) return connection.sendError('unauthorized', 'Authenticate first', replyTo)
  const { storeId } = data
  if (!isId(storeId)) return connection.sendError('not_found', noStore, replyTo)
  await connection.catchUp
  const stream: StreamName = `store:${storeId}`
  if (!connection.subscriptions.has(stream) && countSubscriptions(connection) >= maxSubscriptions) {
    return connection.sendError('too_many_subscriptions', 'At most 50 subscriptions', replyTo)
  }
  hub.streams.listen(stream)
  const start = await hub.starts.ask({ userId: user.userId, storeId, deviceId: null, streams: [stream] })
  if (connection.isClosed) return
  if (start.role === null) return connection.sendError('not_found', noStore, replyTo)
  const wish: Wish = { stream, choice: { events: data.events, where: data.where }, resume: positionIn(data.resume, stream) }
  const begun = await begin(hub, connection, user, [wish], start)
  if (!begun) return connection.sendError('not_found', noStore, replyTo)
  logger.debug({ sessionId: connection.sessionId, stream }, 'websocket: subscribed')
  const answer = { storeId, streams: begun.answers, ...keysField(begun.subscriptions) }
  startCatchUp(connection, encodeFrame('subscribed', withReply(answer, replyTo)), begun.subscriptions, hub.streams.pages)
}

const noStore = 'No such store'

/** A position of a `resume`, which may be the bare position or positions by stream. */
export function positionIn(resume: Extract<Subscribe, { storeId: string }>['resume'], stream: StreamName): StreamPosition | undefined {
  if (!resume) return undefined
  if (isPosition(resume)) return resume
  return Object.hasOwn(resume, stream) ? resume[stream] : undefined
}

const isPosition = (resume: object): resume is StreamPosition => 'epoch' in resume && typeof resume.epoch === 'string'

/** `unsubscribe {storeId}`. */
export async function unsubscribe(hub: HubContext, connection: Connection, storeId: string, replyTo: string | undefined): Promise<void> {
  await connection.catchUp
  const stream = `store:${storeId}`
  if (!connection.subscriptions.has(stream)) return connection.sendError('not_found', 'No such subscription', replyTo)
  hub.unsubscribe(connection, stream)
  connection.sendMessage('unsubscribed', { storeId }, replyTo)
}
