import { eq, sql } from 'drizzle-orm'
import { hashToken, newToken } from '~/controllers/session.controllers'
import { db } from '~/db/client'
import { withEvents } from '~/db/events'
import { tickets } from '~/db/schema'
import type { Actor } from '~/utils/actor'

/** A ticket lets a page of another origin open a socket in the name of a session: 30 seconds, once, on any instance. */

export async function createTicket(actor: Actor) {
  return withEvents(actor, async (tx) => {
    const ticket = newToken()
    const [row] = await tx
      .insert(tickets)
      .values({ tokenHash: hashToken(ticket), sessionId: actor.sessionId, expiresAt: sql`now() + interval '30 seconds'` })
      .returning({ expiresAt: tickets.expiresAt })
    if (!row) throw new Error('The database did not return the new ticket')
    return { ticket, expiresAt: row.expiresAt.toISOString() }
  })
}

/** The session id of a ticket that is alive, and of nobody's second call; else null. Whether the session lives is not judged. */
export async function consumeTicket(ticket: string): Promise<string | null> {
  const [row] = await db
    .delete(tickets)
    .where(eq(tickets.tokenHash, hashToken(ticket)))
    .returning({ sessionId: tickets.sessionId, isAlive: sql<boolean>`${tickets.expiresAt} > now()` })
  return row?.isAlive ? row.sessionId : null
}
