import { eq } from 'drizzle-orm'
import { readPage } from '~/db/page'
import { auditLog } from '~/db/schema'
import { storeStream } from '~/db/streams'
import type { Member } from '~/utils/actor'
import type { AuditEntry } from '~/utils/contracts/audit'
import type { PageQuery } from '~/utils/contracts/common'

const toEntry = (row: typeof auditLog.$inferSelect): AuditEntry => ({
  id: row.id,
  at: row.createdAt.toISOString(),
  userId: row.userId,
  action: row.action,
  targetId: row.targetId,
})

export async function listAudit(member: Member, query: PageQuery) {
  const page = await readPage(auditLog, {
    ...query,
    stream: storeStream(member.storeId),
    scope: `audit ${member.storeId}`,
    where: [eq(auditLog.storeId, member.storeId)],
  })
  return { ...page, data: page.rows.map(toEntry) }
}
