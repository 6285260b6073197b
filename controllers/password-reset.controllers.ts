import { and, eq, gt, isNotNull, sql } from 'drizzle-orm'
import { endSessionsOf, hashToken, newToken } from '~/controllers/session.controllers'
import { accountOf, type Client, forgetFailures, overLimit } from '~/controllers/sign-in.controllers'
import { recordAudit } from '~/db/audit'
import { db } from '~/db/client'
import { passwordResets, users } from '~/db/schema'
import { rowsOf, type Transaction } from '~/db/session'
import { inTransaction } from '~/db/transaction'
import type { Config } from '~/utils/config'
import type { ConfirmPasswordReset, PasswordReset } from '~/utils/contracts/auth'
import { invalidField } from '~/utils/errors'
import { logger } from '~/utils/logger'
import { canSendMail, sendMail } from '~/utils/mail'
import { hashPassword, inPasswordTurn } from '~/utils/password'
import { wsManager } from '~/utils/websocket'

/** A forgotten password: a link by mail whose token is good once, for 30 minutes, and stored as its SHA-256 alone. */

const lifeMinutes = 30
const windowMinutes = 15
const maxMailsOfAccount = 5
const maxRequestsOfAddress = 50

let origin = ''
let isLinkLogged = false

/**
 * Called once at the start, with the port that was taken. Links begin with what was configured, never with the request's
 * Host: a stranger can ask in somebody's name and choose that.
 */
export function configureResetLinks({ publicUrl, smtpUrl, isProduction }: Config, port: number): void {
  origin = publicUrl ?? `http://localhost:${port}`
  isLinkLogged = !isProduction
  if (isProduction && smtpUrl && !publicUrl) logger.warn(`PUBLIC_URL is not set: links in mails begin with ${origin}`)
}

/** Unknown accounts go the same way, up to the mail, which nothing waits for. */
export async function requestPasswordReset(client: Client, { email }: PasswordReset) {
  const [user] = await db
    .select({ id: users.id, email: users.email })
    .from(users)
    .where(and(sql`lower(${users.email}) = lower(${email})`, eq(users.kind, 'person')))
  const token = newToken()
  const isWithinLimit = await keepRequest(client, email, token, user?.id ?? null)
  if (user?.email && isWithinLimit) tell(user.email, token)
  return { data: {} }
}

/**
 * Keeps a request, and counts it against those before it in the order of the database's clock, as parallel ones do.
 * Answers whether the account may get another mail. Throws 429 when the address asks too often; neither is counted then.
 */
async function keepRequest(client: Client, email: string, token: string, userId: string | null): Promise<boolean> {
  const { address, isLimited } = client
  const [id, account] = [Bun.randomUUIDv7(), accountOf(email)]
  const expiresAt = sql`now() + make_interval(mins => ${lifeMinutes})`
  await db.insert(passwordResets).values({ id, userId, tokenHash: hashToken(token), account, address, expiresAt })
  if (!isLimited) return true
  const since = sql`now() - make_interval(mins => ${windowMinutes})`
  const [before] = await rowsOf<{ of_account: number; address_wait: number | null }>(
    db,
    sql`with recent as (
      select account, address, created_at from password_resets
      where created_at > ${since} and (account = ${account} or address = ${address})
        and (created_at, id) < (select created_at, id from password_resets where id = ${id})
    ) select
      (select count(*)::int from recent where account = ${account}) as of_account,
      (select extract(epoch from created_at - (${since}))::float8 from recent where address = ${address}
        order by created_at desc offset ${maxRequestsOfAddress - 1} limit 1) as address_wait`,
  )
  const isOverAccount = (before?.of_account ?? 0) >= maxMailsOfAccount
  if (isOverAccount || before?.address_wait) await db.delete(passwordResets).where(eq(passwordResets.id, id))
  if (before?.address_wait) throw overLimit(maxRequestsOfAddress, before.address_wait)
  return !isOverAccount
}

function tell(email: string, token: string): void {
  // The fragment never leaves the browser, hence reaches no log.
  const link = `${origin}/console/reset-password#token=${token}`
  if (canSendMail()) return sendMail({ to: email, subject: 'A new password for ZipZap', text: textWith(link) })
  if (isLinkLogged) logger.info(`Without SMTP_URL no mail is sent; the link to a new password: ${link}`)
  else logger.warn('SMTP_URL is not set: a link to a new password could not be sent')
}

const textWith = (link: string) => `Hello,

somebody, probably you, asked for a new password for your ZipZap account. This link
lets you choose one, once, within ${lifeMinutes} minutes:

${link}

If it was not you, do nothing: your password stays as it is.
`

/** Sets the password and ends every session of the user. Throws 422 for a token that is wrong, used or too old. */
export async function confirmPasswordReset(client: Client, { token, newPassword }: ConfirmPasswordReset) {
  const wrongToken = () => invalidField('token', 'is wrong, used or too old; ask for a new link')
  const isAlive = and(
    eq(passwordResets.tokenHash, hashToken(token)),
    isNotNull(passwordResets.userId),
    gt(passwordResets.expiresAt, sql`clock_timestamp()`),
  )
  const [found] = await db.select({ userId: passwordResets.userId }).from(passwordResets).where(isAlive)
  const userId = found?.userId
  if (!userId) throw wrongToken()
  const passwordHash = await inPasswordTurn(client.address, () => hashPassword(newPassword))
  const endedIds = await inTransaction(async (tx) => {
    const [user] = await tx.select().from(users).where(eq(users.id, userId)).for('update')
    const used = await tx.delete(passwordResets).where(isAlive).returning({ id: passwordResets.id })
    if (!user?.email || used.length === 0) throw wrongToken()
    await forgetResets(tx, userId)
    await tx.update(users).set({ passwordHash }).where(eq(users.id, userId))
    await forgetFailures(tx, user.email, client.address)
    await recordAudit(tx, { userId }, 'password_reset', null)
    return endSessionsOf(tx, userId)
  })
  wsManager.endSessions(endedIds)
  return { data: {} }
}

/** Links that are still under way open nothing any more. The caller has locked the user. */
export async function forgetResets(tx: Transaction, userId: string): Promise<void> {
  await tx.delete(passwordResets).where(eq(passwordResets.userId, userId))
}
