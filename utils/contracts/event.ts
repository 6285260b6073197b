import { z } from 'zod'
import { applicationEventTypes } from '~/utils/contracts/event-types'
import { loggedFrames } from '~/utils/contracts/frames'
import { commaList } from '~/utils/contracts/order'

const { profile_updated: _ofUsers, ...ofStores } = loggedFrames

/** A logged event of a store as the WebSocket sends it, its data in clear. */
export const loggedMessageSchema = z.union(Object.values(ofStores)).meta({ id: 'LoggedMessage' })
export type LoggedMessage = z.infer<typeof loggedMessageSchema>

const wholeNumber = (max: number, message: string) =>
  z
    .string()
    .regex(/^\d{1,16}$/, message)
    .transform(Number)
    .refine((value) => value <= max, message)

export const eventQuerySchema = z.strictObject({
  after: wholeNumber(Number.MAX_SAFE_INTEGER, 'must be a seq')
    .default(0)
    .meta({ description: 'The seq of the last event you have; `meta.nextCursor` is the next one while there are more' }),
  epoch: z.string().optional().meta({ description: 'The epoch that `after` belongs to; without it the current one' }),
  types: commaList(z.enum(applicationEventTypes)).optional().meta({ description: 'One or several, separated by commas' }),
  limit: wholeNumber(1000, 'must be a whole number from 1 to 1000')
    .refine((value) => value >= 1, 'must be a whole number from 1 to 1000')
    .default(50),
})
export type EventQuery = z.infer<typeof eventQuerySchema>
