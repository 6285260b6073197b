import { auditLog } from '~/db/schema'
import type { Transaction } from '~/db/session'
import type { AuditAction } from '~/utils/contracts/audit'

/**
 * Writes one line of the audit log in the transaction of what it tells of: neither is there without the other. `by` with
 * a store puts it into that store's list. Ids only, never a name or an address: a line cannot be changed or removed again.
 */
export async function recordAudit(
  tx: Transaction,
  by: { userId: string; storeId?: string },
  action: AuditAction,
  targetId: string | null,
): Promise<void> {
  await tx.insert(auditLog).values({ id: Bun.randomUUIDv7(), storeId: by.storeId ?? null, userId: by.userId, action, targetId })
}
