import { and, eq } from 'drizzle-orm'
import { db } from '~/db/client'
import { members } from '~/db/schema'
import type { Role } from '~/utils/contracts/common'

/** The caller's role in a store; null for a stranger. */
export async function findMembership(storeId: string, userId: string): Promise<Role | null> {
  const [row] = await db
    .select({ role: members.role })
    .from(members)
    .where(and(eq(members.storeId, storeId), eq(members.userId, userId)))
  return row?.role ?? null
}
