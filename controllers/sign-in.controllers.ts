import { createHash } from 'node:crypto'
import { and, eq, sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { signInFailures } from '~/db/schema'
import { rowsOf, type Transaction } from '~/db/session'
import { rateLimited } from '~/utils/errors'
import { logger } from '~/utils/logger'
import { inPasswordTurn, verifyPassword } from '~/utils/password'

/** How a password is checked without being guessed: failures are counted in the database, hence over all instances. */

export type Client = {
  /** The unit that limits count: an IPv4 address, or a /64. */
  address: string
  userAgent: string | null
  /** False when limits are switched off. */
  isLimited: boolean
}

const windowMinutes = 15
const maxFailuresOfAccount = 10
const maxFailuresOfAddress = 50

/**
 * Whether `password` is the one of `hash`; null (an unknown account) takes as long and is false. Every failure counts
 * against the account from this address and against the address, whether the account exists or not; another address is
 * never held up. Throws 429 past the limits.
 */
export async function checkPassword(client: Client, email: string, password: string, hash: string | null): Promise<boolean> {
  const { address, isLimited } = client
  const isRight = await (isLimited
    ? judgeCounted(address, accountOf(email), password, hash)
    : inPasswordTurn(address, () => verifyPassword(password, hash)))
  if (!isRight) logger.info({ address }, 'a password was wrong')
  return isRight
}

async function judgeCounted(address: string, account: string, password: string, hash: string | null): Promise<boolean> {
  await refuseWhenOver(account, address)
  return inPasswordTurn(address, async () => {
    const attemptId = await countAttempt(account, address)
    const isRight = await verifyPassword(password, hash)
    if (isRight) await forgetAttempt(attemptId)
    return isRight
  })
}

/** An e-mail that was mistyped may be nobody's: what is kept of it is a hash. */
export const accountOf = (email: string) => createHash('sha256').update(email.toLowerCase()).digest('base64url')

/**
 * Counts the attempt as a failure before it is judged, so that parallel ones see each other: whoever comes after the
 * allowed number, in the order of the database's clock, is refused without being judged, and not counted either.
 */
async function countAttempt(account: string, address: string): Promise<string> {
  const attemptId = Bun.randomUUIDv7()
  await db.insert(signInFailures).values({ id: attemptId, account, address })
  try {
    await refuseWhenOver(account, address, attemptId)
  } catch (error) {
    await forgetAttempt(attemptId)
    throw error
  }
  return attemptId
}

const forgetAttempt = (attemptId: string) => db.delete(signInFailures).where(eq(signInFailures.id, attemptId))

/** Whoever has a new password is not held up by failed attempts with the old one. */
export async function forgetFailures(tx: Transaction, email: string, address: string): Promise<void> {
  await tx.delete(signInFailures).where(and(eq(signInFailures.account, accountOf(email)), eq(signInFailures.address, address)))
}

type Wait = { account_wait: number | null; address_wait: number | null }

/** Judges the failures before `attemptId` (or all). Throws 429 with the seconds until the limit lets go. */
async function refuseWhenOver(account: string, address: string, attemptId?: string): Promise<void> {
  const since = sql`now() - make_interval(mins => ${windowMinutes})`
  const before = attemptId === undefined ? undefined : sql`(at, id) < (select at, id from sign_in_failures where id = ${attemptId})`
  const secondsLeft = sql`extract(epoch from at - (${since}))::float8`
  const [wait] = await rowsOf<Wait>(
    db,
    sql`with failures as (
      select account, at, ${secondsLeft} as seconds_left from sign_in_failures where ${and(sql`address = ${address}`, sql`at > ${since}`, before)}
    ) select
      (select seconds_left from failures where account = ${account} order by at desc offset ${maxFailuresOfAccount - 1} limit 1) as account_wait,
      (select seconds_left from failures order by at desc offset ${maxFailuresOfAddress - 1} limit 1) as address_wait`,
  )
  if (wait?.account_wait || wait?.address_wait) logger.warn({ address }, 'too many wrong passwords')
  if (wait?.account_wait) throw overLimit(maxFailuresOfAccount, wait.account_wait)
  if (wait?.address_wait) throw overLimit(maxFailuresOfAddress, wait.address_wait)
}

/** The 429 of a limit that lets go after so many seconds. */
export function overLimit(limit: number, seconds: number) {
  const headers = { 'RateLimit-Limit': String(limit), 'RateLimit-Remaining': '0', 'RateLimit-Reset': String(Math.ceil(seconds)) }
  return rateLimited(seconds, headers)
}
