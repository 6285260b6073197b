import { and, asc, eq, sql } from 'drizzle-orm'
import { openSession, toSession } from '~/controllers/session.controllers'
import { type Client, checkPassword } from '~/controllers/sign-in.controllers'
import { emailTaken, toUser } from '~/controllers/user.controllers'
import { recordAudit } from '~/db/audit'
import { db } from '~/db/client'
import { members, sessions, stores, users } from '~/db/schema'
import { createStream, userStream } from '~/db/streams'
import { inTransaction } from '~/db/transaction'
import type { Actor } from '~/utils/actor'
import type { Login, Membership } from '~/utils/contracts/auth'
import type { Register } from '~/utils/contracts/user'
import { unauthorized } from '~/utils/errors'
import { hashPassword, inPasswordTurn } from '~/utils/password'

export async function register(client: Client, input: Register) {
  const passwordHash = await inPasswordTurn(client.address, () => hashPassword(input.password))
  const id = Bun.randomUUIDv7()
  const { email, firstName, lastName = null, phone = null } = input
  const data = await inTransaction(async (tx) => {
    const [row] = await tx.insert(users).values({ id, email, passwordHash, firstName, lastName, phone }).returning()
    if (!row) throw new Error('The database did not return the new user')
    await createStream(tx, userStream(id))
    const { sessionId, token, expiresAt } = await openSession(tx, id, 'person', client.userAgent)
    await recordAudit(tx, { userId: id }, 'registered', sessionId)
    return { user: toUser(row), token, expiresAt }
  }).catch(emailTaken)
  return { data }
}

/** A wrong password and an unknown e-mail are alike in answer and time. */
export async function login(client: Client, input: Login) {
  const refused = () => unauthorized('E-mail or password is wrong', 'invalid_credentials')
  const [found] = await db
    .select()
    .from(users)
    .where(and(sql`lower(${users.email}) = lower(${input.email})`, eq(users.kind, 'person')))
  const passwordHash = found?.passwordHash ?? null
  if (!(await checkPassword(client, input.email, input.password, passwordHash)) || !found) throw refused()
  const data = await inTransaction(async (tx) => {
    // Held against a change of the password meanwhile, which ends only the sessions it sees.
    const [row] = await tx.select().from(users).where(eq(users.id, found.id)).for('share')
    if (!row || row.passwordHash !== passwordHash) throw refused()
    const { sessionId, token, expiresAt } = await openSession(tx, row.id, 'person', client.userAgent)
    await recordAudit(tx, { userId: row.id }, 'signed_in', sessionId)
    return { user: toUser(row), token, expiresAt }
  })
  return { data: { ...data, stores: await listMemberships(found.id) } }
}

/** Who is signed in, by which session, and where they belong. */
export async function getCurrentSession(actor: Actor) {
  const [found] = await db
    .select({ user: users, session: sessions })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, actor.sessionId))
  if (!found) throw unauthorized()
  return { data: { user: toUser(found.user), session: toSession(found.session, actor), stores: await listMemberships(actor.userId) } }
}

/** The stores of a user, by name. */
export async function listMemberships(userId: string): Promise<Membership[]> {
  return db
    .select({ storeId: stores.id, name: stores.name, role: members.role })
    .from(members)
    .innerJoin(stores, eq(stores.id, members.storeId))
    .where(eq(members.userId, userId))
    .orderBy(asc(stores.name), asc(stores.id))
}
