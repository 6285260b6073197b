import { eq, sql } from 'drizzle-orm'
import { forgetResets } from '~/controllers/password-reset.controllers'
import { endSessionsOf } from '~/controllers/session.controllers'
import { type Client, checkPassword } from '~/controllers/sign-in.controllers'
import { recordAudit } from '~/db/audit'
import { db } from '~/db/client'
import { type Emit, withEvents } from '~/db/events'
import { positionOf } from '~/db/page'
import { users } from '~/db/schema'
import type { Transaction } from '~/db/session'
import { userStream } from '~/db/streams'
import { changesOf, requireVersion } from '~/db/versioned'
import type { Actor } from '~/utils/actor'
import type { ChangeEmail, ChangePassword, UpdateProfile, User } from '~/utils/contracts/user'
import { conflict, invalidField, unauthorized } from '~/utils/errors'
import { hashPassword, inPasswordTurn } from '~/utils/password'
import { sqlState } from '~/utils/sql-state'
import { wsManager } from '~/utils/websocket'

type UserRow = typeof users.$inferSelect

export const toUser = (row: UserRow): User => ({
  id: row.id,
  kind: row.kind,
  email: row.email,
  firstName: row.firstName,
  lastName: row.lastName,
  phone: row.phone,
  avatarUrl: row.avatarUrl,
  locale: row.locale,
  version: row.version,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
})

export async function getProfile(actor: Actor) {
  const stream = userStream(actor.userId)
  const [found] = await db
    .select({ row: users, position: positionOf(stream) })
    .from(users)
    .where(eq(users.id, actor.userId))
  if (!found) throw unauthorized()
  return { data: toUser(found.row), position: found.position && `${stream}=${found.position}` }
}

/** The 412 of a profile, for requests whose body is wrong as well. */
export async function requireProfile(actor: Actor): Promise<void> {
  requireVersion(actor, (await getProfile(actor)).data.version)
}

export async function updateProfile(actor: Actor, patch: UpdateProfile) {
  const written = await withEvents(actor, async (tx, emit) => {
    const [row] = await tx.select().from(users).where(eq(users.id, actor.userId)).for('update')
    if (!row) throw unauthorized()
    requireVersion(actor, row.version)
    const changes = changesOf(row, patch)
    if (!changes) return toUser(row)
    return emitProfile(emit, await updateUser(tx, row.id, changes.values), changes.updatedFields)
  })
  wsManager.sendProfileUpdate(actor.userId, written.events)
  return written
}

/** Ends all other sessions of the user: whoever else knew the old password is out. */
export async function changePassword(actor: Actor, client: Client, input: ChangePassword) {
  const user = await provePassword(actor, client, input.currentPassword)
  const passwordHash = await inPasswordTurn(client.address, () => hashPassword(input.newPassword))
  let endedIds: string[] = []
  const written = await withEvents(actor, async (tx) => {
    const row = await lockProven(tx, user)
    await tx.update(users).set({ passwordHash }).where(eq(users.id, actor.userId))
    await forgetResets(tx, actor.userId)
    endedIds = await endSessionsOf(tx, actor.userId, actor.sessionId)
    await recordAudit(tx, { userId: actor.userId }, 'password_changed', null)
    return toUser(row)
  })
  wsManager.endSessions(endedIds)
  return written
}

export async function changeEmail(actor: Actor, client: Client, { email, currentPassword }: ChangeEmail) {
  await requireProfile(actor)
  const user = await provePassword(actor, client, currentPassword)
  const written = await withEvents(actor, async (tx, emit) => {
    const row = await lockProven(tx, user)
    requireVersion(actor, row.version)
    const changes = changesOf(row, { email })
    if (!changes) return toUser(row)
    const updated = await updateUser(tx, row.id, changes.values).catch(emailTaken)
    // A link that went to the old address must not open the account any more.
    await forgetResets(tx, row.id)
    await recordAudit(tx, { userId: row.id }, 'email_changed', null)
    return emitProfile(emit, updated, changes.updatedFields)
  })
  wsManager.sendProfileUpdate(actor.userId, written.events)
  return written
}

/** Only the unique index can judge two who take one e-mail at the same time. */
export function emailTaken(error: unknown): never {
  if (sqlState(error).constraint === 'users_email_unique') throw conflict('email_taken', 'This e-mail is already registered')
  throw error
}

const wrongPassword = () => invalidField('currentPassword', 'is not your password')

/** The user as it was when the password was right; a wrong one counts as a failed sign-in. */
async function provePassword(actor: Actor, client: Client, password: string): Promise<UserRow> {
  const [user] = await db.select().from(users).where(eq(users.id, actor.userId))
  if (!user?.email || !(await checkPassword(client, user.email, password, user.passwordHash))) throw wrongPassword()
  return user
}

/** Locks a user; another change of the password may have come since `proven` was read. */
async function lockProven(tx: Transaction, proven: UserRow): Promise<UserRow> {
  const [row] = await tx.select().from(users).where(eq(users.id, proven.id)).for('update')
  if (!row || row.passwordHash !== proven.passwordHash) throw wrongPassword()
  return row
}

async function updateUser(tx: Transaction, id: string, values: Partial<UserRow>): Promise<UserRow> {
  const [updated] = await tx
    .update(users)
    .set({ ...values, version: sql`${users.version} + 1`, updatedAt: sql`now()` })
    .where(eq(users.id, id))
    .returning()
  if (!updated) throw unauthorized()
  return updated
}

function emitProfile(emit: Emit, row: UserRow, updatedFields: Record<string, true>): User {
  const profile = toUser(row)
  emit({ stream: userStream(row.id), type: 'profile_updated', data: { action: 'profile_updated', profile, updatedFields }, subjectId: row.id })
  return profile
}
