import { startCatchUp } from '~/realtime/catch-up'
import { type Connection, endOf, type SocketSession, type SocketUser } from '~/realtime/connection'
import type { HubContext } from '~/realtime/context'
import { keysField } from '~/realtime/keys'
import { maxSocketsPerUser } from '~/realtime/limits'
import { encodeFrame, withReply } from '~/realtime/protocol'
import { ownerOf } from '~/realtime/sockets'
import { begin, positionIn, type Wish } from '~/realtime/subscribing'
import { isId } from '~/utils/contracts/common'
import type { StreamName } from '~/utils/contracts/logged-event'
import type { Authenticate } from '~/utils/contracts/messages'
import { logger } from '~/utils/logger'

/**
 * `authenticate`: checked against the live session and the membership as the database has them now. The first time it
 * makes an anonymous socket a user's; again, it refreshes the session in place (same user: positions and subscriptions
 * stay) or switches store or user. Refused, the socket stays as it was.
 */
export async function authenticate(hub: HubContext, connection: Connection, data: Authenticate, replyTo: string | undefined): Promise<void> {
  const session = await resolveSession(hub, connection, data)
  if (connection.isClosed) return
  if (!session) return connection.sendError('unauthorized', 'No live session for this', replyTo)
  if (session.userId !== data.userId) return connection.sendError('forbidden', 'The session belongs to another user', replyTo)
  const isSameUser = connection.user?.userId === session.userId
  const storeId = data.storeId ?? (isSameUser ? currentStore(connection) : null)
  if (storeId !== null && !isId(storeId)) return connection.sendError('forbidden', noMember, replyTo)

  await connection.catchUp
  await subscribeUser(hub, connection, session, storeId, data, replyTo)
}

const noMember = 'You are not a member of this store'

/** The store of the last `authenticate`, unless it was left or lost since. */
function currentStore({ user, subscriptions }: Connection): string | null {
  return user?.storeId && subscriptions.has(`store:${user.storeId}`) ? user.storeId : null
}

/** A session that has ended since takes the socket along within a second, authenticated or not. */
const foundWithinMs = 1_000

const isJustFound = ({ openedAt }: Connection, session: SocketSession): boolean =>
  performance.now() - openedAt < foundWithinMs && endOf(session) > Date.now()

/** Of the message's ticket or token, else of the upgrade; whichever it is must be alive now. */
async function resolveSession(hub: HubContext, connection: Connection, data: Authenticate): Promise<SocketSession | null> {
  if (data.ticket !== undefined) {
    const sessionId = await hub.lookups.consumeTicket(data.ticket)
    return sessionId === null ? null : hub.lookups.findSessionById(sessionId)
  }
  if (data.token !== undefined) return hub.lookups.findSession(data.token)
  const { user, upgradeSession } = connection
  if (!user && upgradeSession && isJustFound(connection, upgradeSession)) return upgradeSession
  const known = user ?? upgradeSession
  return known && hub.lookups.findSessionById(known.sessionId)
}

async function subscribeUser(
  hub: HubContext,
  connection: Connection,
  session: SocketSession,
  storeId: string | null,
  data: Authenticate,
  replyTo: string | undefined,
): Promise<void> {
  const names: StreamName[] = storeId === null ? [`user:${session.userId}`] : [`store:${storeId}`, `user:${session.userId}`]
  for (const name of names) hub.streams.listen(name)
  const deviceId = data.deviceId ?? null
  if (deviceId !== null) await hub.positions.flush()
  const start = await hub.starts.ask({ userId: session.userId, storeId, deviceId: data.resume ? null : deviceId, streams: names })
  if (connection.isClosed) return
  if (storeId !== null && start.role === null) return connection.sendError('forbidden', noMember, replyTo)
  // Judged in the tick that counts the socket: of many at once, each would find room earlier.
  if (ownerOf(connection) !== session.userId && hub.cluster.countSockets(session.userId) >= maxSocketsPerUser) {
    return connection.sendError('too_many_connections', 'This user has too many open sockets', replyTo)
  }

  const wasAnonymous = connection.user === null
  becomeUser(hub, connection, session, { storeId, deviceId })
  const choice = data.events || data.where ? { events: data.events, where: data.where } : null
  const wishes: Wish[] = names.map((stream) => ({
    stream,
    choice: stream.startsWith('store:') ? choice : null,
    // What is running on this socket goes on where it is: sent again, it would come twice.
    resume: connection.subscriptions.has(stream) ? undefined : positionIn(data.resume, stream),
  }))
  const begun = await begin(hub, connection, session, wishes, start).catch((error: unknown) => {
    if (wasAnonymous) becomeAnonymous(hub, connection, session.userId)
    throw error
  })
  if (connection.isClosed) return
  if (!begun) {
    if (wasAnonymous) becomeAnonymous(hub, connection, session.userId)
    return connection.sendError('forbidden', noMember, replyTo)
  }
  logger.debug({ sessionId: connection.sessionId, userId: session.userId, storeId, role: start.role }, 'websocket: authenticated')
  const answer = {
    message: 'Authentication successful' as const,
    sessionId: connection.sessionId,
    userId: session.userId,
    storeId,
    role: begun.subscriptions.find(({ stream }) => stream.name === `store:${storeId}`)?.role ?? null,
    userSessions: hub.cluster.countAuthenticated(session.userId),
    storeSessions: storeId === null ? 0 : hub.cluster.presence.sessions(storeId),
    expiresAt: session.expiresAt,
    streams: begun.answers,
    ...keysField(begun.subscriptions),
  }
  startCatchUp(connection, encodeFrame('general_notification', withReply(answer, replyTo)), begun.subscriptions, hub.streams.pages)
}

/** Everything of another user, and the store of the last `authenticate` when it is left, ends here. */
function becomeUser(hub: HubContext, connection: Connection, session: SocketSession, place: Pick<SocketUser, 'storeId' | 'deviceId'>): void {
  const before = connection.user
  if (before && before.userId !== session.userId) for (const name of connection.subscriptions.names) hub.unsubscribe(connection, name)
  else if (before?.storeId && before.storeId !== place.storeId) hub.unsubscribe(connection, `store:${before.storeId}`)
  const owner = ownerOf(connection)
  const { sessionId, userId, kind, name } = session
  const deviceId = place.deviceId ?? before?.deviceId ?? null
  connection.user = { sessionId, userId, kind, name, storeId: place.storeId, deviceId, endsAtMs: endOf(session), isExpiryTold: false }
  hub.sockets.claim(connection, session.userId, owner)
  hub.cluster.setOwner(connection.sessionId, session.userId)
}

/** What `authenticate` could not finish leaves the socket as it was. */
function becomeAnonymous(hub: HubContext, connection: Connection, userId: string): void {
  if (connection.isClosed) return
  for (const name of connection.subscriptions.names) hub.unsubscribe(connection, name)
  connection.user = null
  hub.sockets.release(connection, userId)
  hub.cluster.setOwner(connection.sessionId, null)
}
