import { z } from 'zod'
import { id, text, timestamp } from '~/utils/contracts/common'

export const notificationLevelSchema = z.enum(['info', 'success', 'warning', 'error'])

export const notificationSchema = z
  .object({ id, storeId: id, message: z.string(), level: notificationLevelSchema, userId: id.nullable(), createdAt: timestamp })
  .meta({ id: 'Notification' })
export type Notification = z.infer<typeof notificationSchema>

export const createNotificationSchema = z
  .strictObject({
    message: text(1000).refine((value) => value.trim().length > 0, 'must not be empty'),
    level: notificationLevelSchema,
    userId: id.nullable().default(null).meta({ description: 'A member; null: the whole store' }),
  })
  .meta({ id: 'CreateNotification' })
export type CreateNotification = z.infer<typeof createNotificationSchema>
