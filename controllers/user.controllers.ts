import { eq, sql } from 'drizzle-orm'
import { endOtherSessions } from '~/controllers/session.controllers'
import { type Client, checkPassword } from '~/controllers/sign-in.controllers'
import { db } from '~/db/client'
import { withEvents } from '~/db/events'
import { positionOf } from '~/db/page'
import { users } from '~/db/schema'
import { userStream } from '~/db/streams'
import { changesOf, requireVersion } from '~/db/versioned'
import type { Actor } from '~/utils/actor'
import type { ChangePassword, UpdateProfile, User } from '~/utils/contracts/user'
import { invalidField, unauthorized } from '~/utils/errors'
import { hashPassword, inPasswordTurn } from '~/utils/password'
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
    const [updated] = await tx
      .update(users)
      .set({ ...changes.values, version: sql`${users.version} + 1`, updatedAt: sql`now()` })
      .where(eq(users.id, actor.userId))
      .returning()
    if (!updated) throw unauthorized()
    const profile = toUser(updated)
    emit({
      stream: userStream(actor.userId),
      type: 'profile_updated',
      data: { action: 'profile_updated', profile, updatedFields: changes.updatedFields },
      subjectId: actor.userId,
    })
    return profile
  })
  wsManager.sendProfileUpdate(actor.userId, written.events)
  return written
}

/** Ends all other sessions of the user: whoever else knew the old password is out. */
export async function changePassword(actor: Actor, client: Client, input: ChangePassword) {
  const [user] = await db.select().from(users).where(eq(users.id, actor.userId))
  const wrongPassword = () => invalidField('currentPassword', 'is not your password')
  if (!user?.email || !(await checkPassword(client, user.email, input.currentPassword, user.passwordHash))) throw wrongPassword()
  const passwordHash = await inPasswordTurn(client.address, () => hashPassword(input.newPassword))
  let endedIds: string[] = []
  const written = await withEvents(actor, async (tx) => {
    const [row] = await tx.select().from(users).where(eq(users.id, actor.userId)).for('update')
    // Another change of the password may have come first.
    if (!row || row.passwordHash !== user.passwordHash) throw wrongPassword()
    await tx.update(users).set({ passwordHash }).where(eq(users.id, actor.userId))
    endedIds = await endOtherSessions(tx, actor)
    return toUser(row)
  })
  wsManager.endSessions(endedIds)
  return written
}
