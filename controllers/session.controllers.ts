import { createHash, randomBytes } from 'node:crypto'
import { and, eq, inArray, isNull, ne, sql } from 'drizzle-orm'
import { recordAudit } from '~/db/audit'
import { db } from '~/db/client'
import { withEvents } from '~/db/events'
import { idleDays, isLive, type LiveSession, readSessionsByHash, readSessionsById, touchDue } from '~/db/live-sessions'
import { readPage } from '~/db/page'
import { sessions } from '~/db/schema'
import type { Transaction } from '~/db/session'
import type { Actor } from '~/utils/actor'
import type { Config } from '~/utils/config'
import type { Session } from '~/utils/contracts/auth'
import type { PageQuery } from '~/utils/contracts/common'
import { notFound, unauthorized } from '~/utils/errors'
import { logger } from '~/utils/logger'
import { SharedReads } from '~/utils/shared-reads'
import { ShortMemory } from '~/utils/short-memory'
import { wsManager } from '~/utils/websocket'

/**
 * Opaque session tokens: 256 random bits, of which only the SHA-256 is stored. `authenticate` is the seam where another
 * identity provider plugs in: whoever calls it needs nothing but an `Identity`.
 */

export type Identity = {
  userId: string
  kind: 'person' | 'device'
  sessionId: string
  /** ISO 8601; null: lives until revoked (devices). */
  expiresAt: string | null
  /** How the caller proved it; a cookie needs an Origin check on unsafe methods. */
  via: 'bearer' | 'cookie'
  name: string
}

export const absoluteDays = 90
const dayMs = 86_400_000

const cookieNames = { development: 'zipzap_session', production: '__Host-zipzap_session' }
let cookieName = cookieNames.development

/**
 * Called once at the start. In production only the `__Host-` name counts: a page of a sibling domain, or one that came
 * without TLS, can set the other.
 */
export function nameSessionCookie(config: Pick<Config, 'isProduction'>): void {
  cookieName = config.isProduction ? cookieNames.production : cookieNames.development
}

export const hashToken = (token: string): Uint8Array => createHash('sha256').update(token).digest()
export const newToken = (): string => randomBytes(32).toString('base64url')

/** Null: no credential, or a dead one. An `Authorization` that is there is judged alone; the cookie never rescues it. */
export async function authenticate(headers: Headers): Promise<Identity | null> {
  const credential = credentialOf(headers)
  if (!credential) return null
  const found = await findSession(credential.token)
  return found && { ...found, via: credential.via }
}

/** The credential a request carries, unverified; an `Authorization` of another scheme counts as an empty one. */
export function credentialOf(headers: Headers): { token: string; via: 'bearer' | 'cookie' } | null {
  const authorization = headers.get('authorization')
  if (authorization !== null) return { token: /^Bearer +([\w.~+/=-]+)$/i.exec(authorization)?.[1] ?? '', via: 'bearer' }
  const cookies = (headers.get('cookie') ?? '').split(';').map((pair) => pair.trim())
  const cookie = cookies.find((pair) => pair.startsWith(`${cookieName}=`))
  return cookie === undefined ? null : { token: unquoted(cookie.slice(cookieName.length + 1)), via: 'cookie' }
}

/** RFC 6265 §4.1.1 lets a cookie's value stand in quotes. */
const unquoted = (value: string) => /^"(.*)"$/.exec(value)?.[1] ?? value

/** A session that ends elsewhere lives on here for this long at most; one that ends here, or of which we are told, for no time. */
const recent = new ShortMemory<Omit<Identity, 'via'>>(1_000)

/** Sessions ended: the next request of each token asks the database. */
export const forgetSessions = (): void => recent.clear()

/** The live session of a token, or null. Its use is noted, without the caller waiting for it. */
export async function findSession(token: string): Promise<Omit<Identity, 'via'> | null> {
  if (token.length < 20 || token.length > 200) return null
  return recent.remember(token, () => readSession(token))
}

const byHash = new SharedReads(readSessionsByHash)
const byId = new SharedReads(readSessionsById)

async function readSession(token: string): Promise<Omit<Identity, 'via'> | null> {
  const session = await byHash.ask(Buffer.from(hashToken(token)).toString('hex'))
  if (session?.isTouchDue) touchSoon(session.sessionId)
  return session && identityOf(session)
}

/** The live session of an id, or null: for a socket that was opened with it earlier. */
export async function findSessionById(sessionId: string): Promise<Omit<Identity, 'via'> | null> {
  const session = await byId.ask(sessionId)
  return session && identityOf(session)
}

function identityOf(row: LiveSession): Omit<Identity, 'via'> {
  return {
    userId: row.userId,
    kind: row.kind,
    sessionId: row.sessionId,
    expiresAt: expiryOf(row.lastUsedAt, row.absoluteEnd),
    name: displayName(row),
  }
}

/** The earlier of the idle and the absolute end, as ISO 8601; null for a device. */
export function expiryOf(lastUsedAt: Date, absoluteEnd: Date | null): string | null {
  return absoluteEnd && new Date(Math.min(absoluteEnd.getTime(), lastUsedAt.getTime() + idleDays * dayMs)).toISOString()
}

export const displayName = (person: { firstName: string; lastName: string | null }): string =>
  person.lastName ? `${person.firstName} ${person.lastName}` : person.firstName

/** Opens a session in the caller's transaction; the token is in the answer and nowhere else. */
export async function openSession(
  tx: Transaction,
  userId: string,
  kind: 'person' | 'device',
  userAgent: string | null,
): Promise<{ sessionId: string; token: string; expiresAt: string | null }> {
  const token = newToken()
  const id = Bun.randomUUIDv7()
  const [row] = await tx
    .insert(sessions)
    .values({
      id,
      userId,
      tokenHash: hashToken(token),
      userAgent: userAgent?.slice(0, 300) ?? null,
      expiresAt: kind === 'device' ? null : sql`now() + make_interval(days => ${absoluteDays})`,
    })
    .returning({ lastUsedAt: sessions.lastUsedAt, expiresAt: sessions.expiresAt })
  if (!row) throw new Error('The database did not return the new session')
  return { sessionId: id, token, expiresAt: expiryOf(row.lastUsedAt, row.expiresAt) }
}

/** Ends all sessions of a user, or all but the one it acts in; answers their ids. */
export async function endSessionsOf(tx: Transaction, userId: string, exceptId?: string): Promise<string[]> {
  const ended = await tx
    .update(sessions)
    .set({ endedAt: sql`now()` })
    .where(and(eq(sessions.userId, userId), exceptId ? ne(sessions.id, exceptId) : undefined, isNull(sessions.endedAt)))
    .returning({ id: sessions.id })
  return ended.map((row) => row.id)
}

/** Marks sessions used, at most once an hour: the idle limit is counted in days. */
export async function touchSessions(sessionIds: string[]): Promise<void> {
  if (sessionIds.length === 0) return
  await db
    .update(sessions)
    .set({ lastUsedAt: sql`now()` })
    .where(and(inArray(sessions.id, sessionIds), touchDue()))
}

const beingTouched = new Set<string>()

function touchSoon(sessionId: string): void {
  if (beingTouched.has(sessionId)) return
  beingTouched.add(sessionId)
  touchSessions([sessionId])
    .catch((error: unknown) => logger.warn({ err: error }, 'the use of a session could not be noted'))
    .finally(() => beingTouched.delete(sessionId))
}

// Sessions as their user sees them

type SessionRow = typeof sessions.$inferSelect

export const toSession = (row: SessionRow, actor: Actor): Session => ({
  id: row.id,
  createdAt: row.createdAt.toISOString(),
  lastUsedAt: row.lastUsedAt.toISOString(),
  expiresAt: expiryOf(row.lastUsedAt, row.expiresAt),
  userAgent: row.userAgent,
  current: row.id === actor.sessionId,
})

export async function listSessions(actor: Actor, query: PageQuery) {
  const page = await readPage(sessions, {
    ...query,
    stream: null,
    scope: `sessions ${actor.userId}`,
    where: [eq(sessions.userId, actor.userId), isLive()],
  })
  return { ...page, data: page.rows.map((row) => toSession(row, actor)) }
}

/** Ends one session of the actor, the current one included; its sockets are closed. */
export async function endSession(actor: Actor, sessionId: string) {
  const written = await withEvents(actor, async (tx) => {
    const [row] = await tx
      .update(sessions)
      .set({ endedAt: sql`now()` })
      .where(and(eq(sessions.id, sessionId), eq(sessions.userId, actor.userId), isLive()))
      .returning()
    if (!row) throw sessionId === actor.sessionId ? unauthorized() : notFound()
    await recordAudit(tx, { userId: actor.userId }, 'session_ended', sessionId)
    return toSession(row, actor)
  })
  wsManager.endSessions([sessionId])
  return written
}
