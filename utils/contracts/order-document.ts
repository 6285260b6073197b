import { z } from 'zod'
import { amount, basisPoints, id, nameText, noteText, signedAmount, text, timestamp } from '~/utils/contracts/common'

/** The parts that live inside a product or an order as one document, and are copied from the one to the other. */

export const modifierOptionSchema = z.strictObject({ id: text(60, 1), name: nameText, priceDelta: signedAmount })

const hasUniqueIds = (rows: { id: string }[]) => new Set(rows.map((row) => row.id)).size === rows.length

export const modifierGroupSchema = z
  .strictObject({
    id: text(60, 1),
    name: nameText,
    min: z.int().min(0).max(50),
    max: z.int().min(0).max(50),
    options: z.array(modifierOptionSchema).max(50).refine(hasUniqueIds, 'must have unique ids'),
  })
  .refine((group) => group.min <= group.max, { path: ['min'], message: 'must not be greater than max' })
  .refine((group) => group.min <= group.options.length, { path: ['min'], message: 'must not be greater than the number of options' })
  .meta({ id: 'ModifierGroup' })
export type ModifierGroup = z.infer<typeof modifierGroupSchema>

export const modifierGroupsSchema = z.array(modifierGroupSchema).max(20).refine(hasUniqueIds, 'must have unique ids')

export const orderTypeSchema = z.enum(['pickup', 'delivery', 'dine_in'])
export type OrderType = z.infer<typeof orderTypeSchema>

export const orderSourceSchema = z.enum(['till', 'kiosk', 'web', 'phone'])
export type OrderSource = z.infer<typeof orderSourceSchema>

export const orderStatusSchema = z.enum(['pending', 'confirmed', 'preparing', 'ready', 'completed', 'rejected', 'cancelled'])
export type OrderStatus = z.infer<typeof orderStatusSchema>
export const openStatuses = ['pending', 'confirmed', 'preparing', 'ready'] as const satisfies OrderStatus[]

export const paymentStatusSchema = z.enum(['unpaid', 'partial', 'paid', 'refunded'])
export type PaymentStatus = z.infer<typeof paymentStatusSchema>

export const orderItemSchema = z
  .object({
    id,
    productId: id,
    name: z.string(),
    sku: z.string().nullable(),
    unitPrice: amount,
    taxRateBps: basisPoints,
    quantity: z.int().min(1).max(999),
    modifiers: z.array(z.object({ groupId: z.string(), optionId: z.string(), name: z.string(), priceDelta: signedAmount })),
    note: noteText.nullable(),
    lineTotal: amount,
  })
  .meta({ id: 'OrderItem' })
export type OrderItem = z.infer<typeof orderItemSchema>

export const statusChangeSchema = z
  .object({ status: orderStatusSchema, at: timestamp, userId: id, reason: noteText.nullable() })
  .meta({ id: 'StatusChange' })
export type StatusChange = z.infer<typeof statusChangeSchema>
