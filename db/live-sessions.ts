import { and, gt, isNull, or, type SQL, sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { sessions, users } from '~/db/schema'
import { columnDecoder, Statement, slot } from '~/db/statement'

/** Sessions that are alive, as every request and every socket asks for them: many of these questions go in one statement. */

export const idleDays = 14

/** Judged by the database's clock, the same for all instances. */
export const isLive = () =>
  and(
    isNull(sessions.endedAt),
    or(isNull(sessions.expiresAt), and(gt(sessions.expiresAt, sql`now()`), gt(sessions.lastUsedAt, sql`now() - make_interval(days => ${idleDays})`))),
  )

/** Its use was not noted for an hour. */
export const touchDue = () => sql<boolean>`${sessions.lastUsedAt} < now() - interval '1 hour'`

export type LiveSession = {
  sessionId: string
  userId: string
  kind: 'person' | 'device'
  firstName: string
  lastName: string | null
  lastUsedAt: Date
  absoluteEnd: Date | null
  isTouchDue: boolean
}

const columns = {
  sessionId: sessions.id,
  userId: sessions.userId,
  kind: users.kind,
  firstName: users.firstName,
  lastName: users.lastName,
  lastUsedAt: sessions.lastUsedAt,
  absoluteEnd: sessions.expiresAt,
}
const decoder = columnDecoder<Omit<LiveSession, 'isTouchDue'>>(columns)

type Found = { number: number; session: LiveSession }

/**
 * For each key the live session that `matches` it. LIMIT keeps each a look-up by index of its own: joined, many keys might
 * be planned as one walk through all sessions.
 */
const selecting = (matches: SQL) =>
  new Statement<{ keys: string }, Found>(
    () => sql`
      select q.ordinality::int - 1, found.* from json_array_elements_text(${slot('keys')}::json) with ordinality as q(key)
      cross join lateral (
        select ${sql.join(Object.values(columns), sql`, `)}, ${touchDue()} from ${sessions}
        join ${users} on ${users.id} = ${sessions.userId} where ${matches} and ${isLive()} limit 1
      ) found`,
    ([number, ...found]) => ({ number: Number(number), session: { ...decoder.decode(found), isTouchDue: found[decoder.width] === true } }),
  )

const byTokenHash = selecting(sql`${sessions.tokenHash} = decode(q.key, 'hex')`)
const byId = selecting(sql`${sessions.id} = q.key::uuid`)

async function read(statement: typeof byId, keys: string[]): Promise<(LiveSession | null)[]> {
  const found = await statement.run(db, { keys: JSON.stringify(keys) })
  const byNumber = new Map(found.map(({ number, session }) => [number, session]))
  return keys.map((_, number) => byNumber.get(number) ?? null)
}

/** Of SHA-256 hashes of tokens in hex; null for each that is unknown or dead. */
export const readSessionsByHash = (hashes: string[]): Promise<(LiveSession | null)[]> => read(byTokenHash, hashes)

/** Of ids; null for each that is unknown or dead. */
export const readSessionsById = (ids: string[]): Promise<(LiveSession | null)[]> => read(byId, ids)
