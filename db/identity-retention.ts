import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { sessions, signInFailures, tickets } from '~/db/schema'
import { inTransaction } from '~/db/transaction'

/**
 * Removes what identity no longer needs: dead tickets, failed sign-ins past their window, and sessions that ended or
 * ran out more than 30 days ago. For a timer; any number of instances may run it at once.
 */
export async function removeExpiredIdentityRows(): Promise<void> {
  await db.delete(signInFailures).where(sql`${signInFailures.at} < now() - interval '1 hour'`)
  await db.delete(tickets).where(sql`${tickets.expiresAt} < now()`)
  const longDead = sql`select ${sessions.id} from ${sessions} where
    ${sessions.endedAt} < now() - interval '30 days' or ${sessions.expiresAt} < now() - interval '30 days'
    or (${sessions.expiresAt} is not null and ${sessions.lastUsedAt} < now() - interval '14 days' - interval '30 days')`
  await inTransaction(async (tx) => {
    await tx.delete(tickets).where(sql`${tickets.sessionId} in (${longDead})`)
    await tx.delete(sessions).where(sql`${sessions.id} in (${longDead})`)
  })
}
