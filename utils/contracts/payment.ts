import { z } from 'zod'
import { id, positiveAmount, text, timestamp } from '~/utils/contracts/common'

const kind = z.enum(['payment', 'refund'])
const method = z.enum(['cash', 'card', 'other'])

export const paymentSchema = z
  .object({ id, kind, method, amount: positiveAmount, reference: z.string().nullable(), userId: id, createdAt: timestamp })
  .meta({ id: 'Payment' })
export type Payment = z.infer<typeof paymentSchema>

export const createPaymentSchema = z
  .strictObject({ kind, method, amount: positiveAmount, reference: text(255).nullable().optional() })
  .meta({ id: 'CreatePayment' })
export type CreatePayment = z.infer<typeof createPaymentSchema>
