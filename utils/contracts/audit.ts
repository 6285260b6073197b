import { z } from 'zod'
import { id, timestamp } from '~/utils/contracts/common'

/**
 * What the audit log tells of, with what `targetId` names. The last six concern an account and belong to no store, so no
 * store's list shows them. Names are kept: rows of years ago carry them.
 */
export const auditActions = [
  'member_added',
  'member_changed',
  'member_removed',
  'device_created',
  'device_removed',
  'product_price_changed',
  'order_refunded',
  'customer_exported',
  'customer_deleted',
  'registered',
  'signed_in',
  'session_ended',
  'password_changed',
  'password_reset',
  'email_changed',
] as const
export type AuditAction = (typeof auditActions)[number]

export const auditEntrySchema = z
  .object({
    id,
    at: timestamp,
    userId: id.meta({ description: 'Who did it' }),
    action: z.enum(auditActions),
    targetId: id.nullable().meta({ description: 'The member, device, product, order or customer concerned' }),
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.infer<typeof auditEntrySchema>
