import { z } from 'zod'
import { categorySchema } from '~/utils/contracts/category'
import { id, roleSchema } from '~/utils/contracts/common'
import { customerSchema } from '~/utils/contracts/customer'
import { notificationLevelSchema } from '~/utils/contracts/notification'
import { orderSchema } from '~/utils/contracts/order'
import { orderItemSchema, orderStatusSchema } from '~/utils/contracts/order-document'
import { productSchema } from '~/utils/contracts/product'
import { storeSchema } from '~/utils/contracts/store'
import { userSchema } from '~/utils/contracts/user'

/** The `data` of each logged event, with the whole resource as REST would show it. */

const updatedFields = z.record(z.string(), z.literal(true)).meta({ description: 'The names of the fields that changed' })
const action = z.enum(['created', 'updated', 'deleted'])

export const profileData = z.strictObject({ action: z.literal('profile_updated'), profile: userSchema, updatedFields })

export const orderData = z.strictObject({
  action: z.enum(['created', 'updated', 'status_changed']),
  orderId: id,
  orderNumber: z.string(),
  status: orderStatusSchema,
  previousStatus: orderStatusSchema.optional().meta({ description: 'Told when the status changed' }),
  items: z.array(orderItemSchema),
  order: orderSchema,
})

export const customerData = z.strictObject({
  action,
  customerId: id,
  customerName: z.string(),
  customer: customerSchema,
  updatedFields: updatedFields.optional(),
})

export const productData = z.strictObject({ action, productId: id, product: productSchema, updatedFields: updatedFields.optional() })

export const categoryData = z.strictObject({ action, categoryId: id, category: categorySchema, updatedFields: updatedFields.optional() })

export const storeData = z.strictObject({ action: z.literal('updated'), storeId: id, store: storeSchema, updatedFields })

export const memberData = z.strictObject({ action: z.enum(['member_added', 'member_changed', 'member_removed']), userId: id, role: roleSchema })
export type MemberData = z.infer<typeof memberData>

export const notificationData = z.strictObject({ message: z.string(), level: notificationLevelSchema, notificationId: id })

type OrderData = z.infer<typeof orderData>
type CustomerData = z.infer<typeof customerData>

/**
 * What a write may log, by type. Wider than the frames in one way: types that share their data do not tie the type to the
 * `action`, so that one function can emit them all.
 */
export type EventData = {
  profile_updated: z.infer<typeof profileData>
  order_created: OrderData
  order_updated: OrderData
  order_status_changed: OrderData
  customer_created: CustomerData
  customer_updated: CustomerData
  store_updated: z.infer<typeof storeData> | MemberData
  product_updated: z.infer<typeof productData>
  category_updated: z.infer<typeof categoryData>
  general_notification: z.infer<typeof notificationData>
}
