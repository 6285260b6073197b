import { z } from 'zod'
import {
  addressText,
  amount,
  id,
  instant,
  nameText,
  noteText,
  pageQuery,
  phoneText,
  searchText,
  text,
  timestamp,
  version,
} from '~/utils/contracts/common'
import {
  orderItemSchema,
  orderSourceSchema,
  orderStatusSchema,
  orderTypeSchema,
  paymentStatusSchema,
  statusChangeSchema,
} from '~/utils/contracts/order-document'

export const orderSchema = z
  .object({
    id,
    storeId: id,
    orderNumber: z.string().meta({ description: 'Per store, from "1001" on, without gaps' }),
    type: orderTypeSchema,
    source: orderSourceSchema.nullable(),
    status: orderStatusSchema,
    paymentStatus: paymentStatusSchema,
    currency: z.string(),
    pricesIncludeTax: z.boolean(),
    items: z.array(orderItemSchema),
    subtotal: amount,
    discount: amount,
    tax: amount,
    tip: amount,
    deliveryFee: amount,
    serviceCharge: amount,
    total: amount,
    amountPaid: amount,
    customerId: id.nullable(),
    customerName: z.string().nullable(),
    tableNumber: z.string().nullable(),
    deliveryAddress: z.string().nullable().meta({ description: 'null for the kitchen' }),
    requestedFor: timestamp.nullable(),
    note: z.string().nullable(),
    trackingToken: z.string().nullable().meta({ description: 'Opens /track/{token} to its holder; null for the kitchen' }),
    statusHistory: z.array(statusChangeSchema),
    version,
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Order' })
export type Order = z.infer<typeof orderSchema>

const quantity = z.int().min(1).max(999)
const modifierChoices = z.array(z.strictObject({ groupId: text(60, 1), optionId: text(60, 1) })).max(1000)
export type ModifierChoice = z.infer<typeof modifierChoices>[number]

const lineSchema = z
  .strictObject({ productId: id, quantity, modifiers: modifierChoices.default([]), note: noteText.nullable().optional() })
  .meta({ id: 'NewOrderLine' })
export type NewLine = z.infer<typeof lineSchema>

const tableNumber = text(120).nullable()
const requestedFor = instant.transform((value) => new Date(value)).nullable()

const detailFields = {
  customerId: id.nullable().optional(),
  tableNumber: tableNumber.optional(),
  deliveryAddress: addressText.nullable().optional(),
  requestedFor: requestedFor.optional(),
  note: noteText.nullable().optional(),
}

export const createOrderSchema = z
  .strictObject({
    id: id.optional().meta({ description: "The client's own UUIDv7, so that it knows the order before the answer comes" }),
    type: orderTypeSchema,
    source: orderSourceSchema.nullable().optional().meta({ description: 'Always "kiosk" for an order of a kiosk' }),
    items: z.array(lineSchema).min(1).max(100),
    customer: z
      .strictObject({ firstName: nameText, lastName: nameText.nullable().optional(), phone: phoneText.nullable().optional() })
      .nullable()
      .optional()
      .meta({ description: 'Creates a customer' }),
    discount: amount.default(0),
    tip: amount.default(0),
    deliveryFee: amount.default(0),
    serviceCharge: amount.default(0),
    ...detailFields,
  })
  .refine((order) => !order.customerId || !order.customer, { path: ['customer'], message: 'must not be given together with customerId' })
  .meta({ id: 'CreateOrder' })
export type CreateOrder = z.infer<typeof createOrderSchema>

const patchedLineSchema = z
  .strictObject({
    id: id.optional().meta({ description: 'A line of this order that stays' }),
    productId: id.optional().meta({ description: 'Required unless the line has an id' }),
    quantity,
    modifiers: modifierChoices.optional().meta({ description: 'A line that stays keeps its own; others are new lines' }),
    note: noteText.nullable().optional().meta({ description: 'A line that stays keeps its own when this is left out' }),
  })
  .refine((line) => line.id !== undefined || line.productId !== undefined, { path: ['productId'], message: 'is required for a new line' })
  .meta({ id: 'PatchedOrderLine' })
export type PatchedLine = z.infer<typeof patchedLineSchema>

export const updateOrderSchema = z
  .strictObject({
    items: z.array(patchedLineSchema).min(1).max(100).optional().meta({ description: 'The whole list; only before `preparing`' }),
    discount: amount.optional(),
    tip: amount.optional(),
    deliveryFee: amount.optional(),
    serviceCharge: amount.optional(),
    ...detailFields,
  })
  .meta({ id: 'UpdateOrder' })
export type UpdateOrder = z.infer<typeof updateOrderSchema>

export const changeStatusSchema = z
  .strictObject({ status: orderStatusSchema, reason: noteText.nullable().optional() })
  .meta({ id: 'ChangeOrderStatus' })
export type ChangeStatus = z.infer<typeof changeStatusSchema>

/** `a,b` as a list of values of a schema. */
export const commaList = <S extends z.ZodType<unknown, string>>(value: S) =>
  z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(value))

export const orderQuerySchema = z.strictObject({
  ...pageQuery,
  status: commaList(orderStatusSchema).optional().meta({ description: 'One or several, separated by commas' }),
  type: orderTypeSchema.optional(),
  customerId: id.optional(),
  from: instant.optional().meta({ description: 'Created at this time or later' }),
  to: instant.optional().meta({ description: 'Created at this time or earlier' }),
  q: searchText.optional().meta({ description: "Part of the number, of the customer's name, of the table or of the note" }),
})
export type OrderQuery = z.infer<typeof orderQuerySchema>
