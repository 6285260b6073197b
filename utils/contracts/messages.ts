import { z } from 'zod'
import { text } from '~/utils/contracts/common'
import { applicationEventTypes } from '~/utils/contracts/event-types'
import { orderStatusSchema, orderTypeSchema } from '~/utils/contracts/order-document'

/** What clients may send over `/ws`. Only `type` is required; `data` defaults to `{}`; unknown fields are passed over. */

const shortText = text(128, 1)

export const streamPositionSchema = z.object({ epoch: z.string().min(1).max(100), seq: z.int().min(0) }).meta({ id: 'StreamPosition' })
export type StreamPosition = z.infer<typeof streamPositionSchema>

/** Positions by stream name; at most the two streams of an authentication are looked at. */
export const resumeSchema = z.record(z.string().max(64), streamPositionSchema)

const filterFields = {
  /** Only these application events of the store. */
  events: z.array(z.enum(applicationEventTypes)).max(32).optional(),
  /** Only orders that match; other events pass. */
  where: z.strictObject({ status: z.array(orderStatusSchema).max(7).optional(), type: z.array(orderTypeSchema).max(3).optional() }).optional(),
}

export const authenticateSchema = z.object({
  userId: shortText,
  storeId: shortText.nullish(),
  token: z.string().max(200).optional(),
  ticket: z.string().max(200).optional(),
  deviceId: shortText.optional(),
  ...filterFields,
  resume: resumeSchema.optional(),
})
export type Authenticate = z.infer<typeof authenticateSchema>

/** `resume` may also be the bare position of the one stream. */
export const subscribeSchema = z.union([
  z.object({ storeId: shortText, ...filterFields, resume: z.union([streamPositionSchema, resumeSchema]).optional() }),
  z.object({ trackingToken: shortText }),
])
export type Subscribe = z.infer<typeof subscribeSchema>

export const unsubscribeSchema = z.object({ storeId: shortText })
export const ackSchema = z.object({ stream: shortText, ...streamPositionSchema.shape })
export type Ack = z.infer<typeof ackSchema>
export const customActionSchema = z.looseObject({ action: z.string().min(1).max(120), storeId: shortText.optional() })
export type CustomAction = z.infer<typeof customActionSchema>

const anything = z.looseObject({})

/** The data of each type a client may send. */
export const clientMessages = {
  authenticate: authenticateSchema,
  subscribe: subscribeSchema,
  unsubscribe: unsubscribeSchema,
  ack: ackSchema,
  custom_action: customActionSchema,
  ping: anything,
  pong: anything,
} as const

export type ClientMessageType = keyof typeof clientMessages

export type ClientMessage = {
  [T in ClientMessageType]: { type: T; id: string | undefined; data: z.infer<(typeof clientMessages)[T]> }
}[ClientMessageType]

export const clientEnvelopeSchema = z.object({
  type: z.string().min(1).max(64),
  id: shortText.optional(),
  data: z.record(z.string(), z.unknown()).default({}),
})
