import { and, count, eq, inArray, sql } from 'drizzle-orm'
import { displayName, endSessionsOf } from '~/controllers/session.controllers'
import { lockStore } from '~/controllers/store.controllers'
import { recordAudit } from '~/db/audit'
import { db } from '~/db/client'
import { type Emit, withEvents } from '~/db/events'
import { readPage } from '~/db/page'
import { members, users } from '~/db/schema'
import type { Transaction } from '~/db/session'
import { storeStream, userStream } from '~/db/streams'
import { hasRole, type Member } from '~/utils/actor'
import { deviceRoleSchema, type PageQuery, type Role } from '~/utils/contracts/common'
import type { AddMember, ChangeMember, StoreMember } from '~/utils/contracts/member'
import { conflict, forbidden, invalidField, notFound } from '~/utils/errors'
import { ShortMemory } from '~/utils/short-memory'
import { wsManager } from '~/utils/websocket'

type MemberRow = typeof members.$inferSelect
type UserRow = typeof users.$inferSelect

/** An e-mail address is personal: only owners and managers see those of others. */
const toMember = (viewer: Member, row: MemberRow, user: UserRow): StoreMember => ({
  userId: user.id,
  name: displayName(user),
  email: hasRole(viewer.role, 'manager') || viewer.userId === user.id ? user.email : null,
  role: row.role,
  kind: user.kind,
  createdAt: row.createdAt.toISOString(),
})

/** A role that changes elsewhere is used here for this long at most. */
const recent = new ShortMemory<Role>(1_000)

/** Memberships changed: the next request of each member asks the database. */
export const forgetMemberships = (): void => recent.clear()

/** The caller's role in a store; null for a stranger. */
export const findMembership = (storeId: string, userId: string): Promise<Role | null> =>
  recent.remember(`${storeId} ${userId}`, () => readMembership(storeId, userId))

async function readMembership(storeId: string, userId: string): Promise<Role | null> {
  const [row] = await db
    .select({ role: members.role })
    .from(members)
    .where(and(eq(members.storeId, storeId), eq(members.userId, userId)))
  return row?.role ?? null
}

/** Who may give somebody this role, or take it from him. */
export const mayManage = (role: Role, other: Role): boolean => role === 'owner' || (role === 'manager' && other !== 'owner' && other !== 'manager')

export async function listMembers(member: Member, query: PageQuery) {
  const page = await readPage(members, {
    ...query,
    stream: storeStream(member.storeId),
    scope: `members ${member.storeId}`,
    where: [eq(members.storeId, member.storeId)],
  })
  // People are never deleted, and their names belong to another stream: they need not be read in the page's snapshot.
  const people = await db
    .select()
    .from(users)
    .where(
      inArray(
        users.id,
        page.rows.map((row) => row.userId),
      ),
    )
  const byId = new Map(people.map((user) => [user.id, user]))
  const data = page.rows.flatMap((row) => {
    const user = byId.get(row.userId)
    return user ? [toMember(member, row, user)] : []
  })
  return { ...page, data }
}

export async function addMember(member: Member, input: AddMember) {
  const written = await withEvents(member, async (tx, emit) => {
    const callerRole = await lockMemberships(tx, member)
    if (!mayManage(callerRole, input.role)) throw forbidden()
    const [user] = await tx
      .select()
      .from(users)
      .where(and(sql`lower(${users.email}) = lower(${input.email})`, eq(users.kind, 'person')))
    if (!user) throw notFound('Nobody is registered with this e-mail address', 'user_not_found')
    const [row] = await tx.insert(members).values({ storeId: member.storeId, userId: user.id, role: input.role }).onConflictDoNothing().returning()
    if (!row) throw conflict('already_member', 'This user is a member already')
    await recordAudit(tx, member, 'member_added', user.id)
    emitMembership(emit, 'member_added', row)
    return toMember(member, row, user)
  })
  wsManager.sendStoreUpdate(member.storeId, written.events)
  return written
}

/** The 404 of one member, for requests whose body is wrong as well. */
export async function requireMember(member: Member, userId: string): Promise<void> {
  if (!(await findMembership(member.storeId, userId))) throw notFound()
}

export async function changeMember(member: Member, userId: string, { role }: ChangeMember) {
  const written = await withEvents(member, async (tx, emit) => {
    if ((await lockMemberships(tx, member)) !== 'owner') throw forbidden()
    const target = await findMember(tx, member.storeId, userId)
    if (target.user.kind === 'device' && !deviceRoleSchema.safeParse(role).success) throw invalidField('role', 'is not for devices')
    if (target.row.role === role) return toMember(member, target.row, target.user)
    if (target.row.role === 'owner') await requireAnotherOwner(tx, member.storeId)
    const [row] = await tx.update(members).set({ role }).where(membershipOf(member.storeId, userId)).returning()
    if (!row) throw notFound()
    await recordAudit(tx, member, 'member_changed', userId)
    emitMembership(emit, 'member_changed', row)
    return toMember(member, row, target.user)
  })
  wsManager.sendStoreUpdate(member.storeId, written.events)
  return written
}

/** Removes somebody, or lets the caller leave. A device ends with its membership: its sessions too. */
export async function removeMember(member: Member, userId: string) {
  let endedIds: string[] = []
  const written = await withEvents(member, async (tx, emit) => {
    const callerRole = await lockMemberships(tx, member)
    const isLeaving = userId === member.userId
    if (!isLeaving && !hasRole(callerRole, 'manager')) throw forbidden()
    const target = await findMember(tx, member.storeId, userId)
    if (!isLeaving && !mayManage(callerRole, target.row.role)) throw forbidden()
    if (target.row.role === 'owner') await requireAnotherOwner(tx, member.storeId)
    endedIds = await endMembership(tx, emit, member, target.row, target.user.kind)
    return toMember(member, target.row, target.user)
  })
  wsManager.sendStoreUpdate(member.storeId, written.events)
  wsManager.endSessions(endedIds)
  return written
}

/**
 * Changes of a store's memberships run one after the other, so that two owners cannot both step down. Answers the
 * caller's role as it is by then; throws 404 when the caller was removed meanwhile.
 */
export async function lockMemberships(tx: Transaction, member: Member): Promise<Role> {
  await lockStore(tx, member.storeId)
  const [row] = await tx.select({ role: members.role }).from(members).where(membershipOf(member.storeId, member.userId))
  if (!row) throw notFound()
  return row.role
}

/** Deletes a membership, and the sessions of a device, whose ids it answers. The caller holds `lockMemberships`. */
export async function endMembership(tx: Transaction, emit: Emit, by: Member, row: MemberRow, kind: UserRow['kind']): Promise<string[]> {
  await tx.delete(members).where(membershipOf(row.storeId, row.userId))
  await recordAudit(tx, by, kind === 'device' ? 'device_removed' : 'member_removed', row.userId)
  emitMembership(emit, 'member_removed', row)
  return kind === 'device' ? endSessionsOf(tx, row.userId) : []
}

/** Tells the store, and the member on a stream of his own: a removed one no longer hears the store. */
export function emitMembership(emit: Emit, action: 'member_added' | 'member_changed' | 'member_removed', row: MemberRow): void {
  for (const stream of [storeStream(row.storeId), userStream(row.userId)]) {
    emit({ stream, type: 'store_updated', data: { action, userId: row.userId, role: row.role }, subjectId: row.userId, storeId: row.storeId })
  }
}

export async function findMember(tx: Transaction, storeId: string, userId: string): Promise<{ row: MemberRow; user: UserRow }> {
  const [found] = await tx
    .select({ row: members, user: users })
    .from(members)
    .innerJoin(users, eq(users.id, members.userId))
    .where(membershipOf(storeId, userId))
  if (!found) throw notFound()
  return found
}

const membershipOf = (storeId: string, userId: string) => and(eq(members.storeId, storeId), eq(members.userId, userId))

async function requireAnotherOwner(tx: Transaction, storeId: string): Promise<void> {
  const [owners] = await tx
    .select({ number: count() })
    .from(members)
    .where(and(eq(members.storeId, storeId), eq(members.role, 'owner')))
  if ((owners?.number ?? 0) < 2) throw conflict('last_owner', 'A store keeps at least one owner; make somebody else owner first')
}
