import { z } from 'zod'
import { id, roleSchema, timestamp } from '~/utils/contracts/common'
import {
  categoryData,
  customerData,
  memberData,
  notificationData,
  orderData,
  productData,
  profileData,
  storeData,
} from '~/utils/contracts/event-data'
import type { LoggedEventType } from '~/utils/contracts/event-types'
import { type ClientMessageType, clientEnvelopeSchema, clientMessages } from '~/utils/contracts/messages'
import { orderStatusSchema } from '~/utils/contracts/order-document'
import { trackedOrderSchema } from '~/utils/contracts/tracking'
import { type WsErrorCode, wsErrors } from '~/utils/contracts/ws-codes'

/**
 * Every frame of the WebSocket, one schema a form. A type with several forms (a member's and a guest's order, say) has
 * several schemas. AsyncAPI draws from this table, tests hold every frame against it, and the hub takes its types from it.
 */

const storeStream = z.templateLiteral(['store:', id])
const userStream = z.templateLiteral(['user:', id])
const eitherStream = z.union([storeStream, userStream])

const epoch = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,100}$/)
  .meta({ description: 'Names the log: another epoch is another log' })
const seq = z.int().min(1).meta({ description: '1, 2, 3 … per stream, in commit order, without gaps in the log' })

// Logged events

const loggedFields = {
  timestamp,
  userId: id.optional().meta({ description: 'Who did it' }),
  sessionId: id.optional().meta({ description: 'The WebSocket session that caused it, when the writer named it' }),
  id: id.meta({ description: 'The id of the event' }),
  epoch,
  seq,
}

const inStore = { stream: storeStream, storeId: id.meta({ description: 'Where' }) }
const anywhere = { ...inStore, stream: eitherStream }

const logged = <T extends LoggedEventType, D extends z.ZodType, S extends object>(type: T, data: D, place: S) =>
  z.strictObject({ type: z.literal(type), data, ...loggedFields, ...place })

export const loggedFrames = {
  profile_updated: logged('profile_updated', profileData, { stream: userStream }),
  order_created: logged('order_created', orderData.extend({ action: z.literal('created') }).omit({ previousStatus: true }), inStore),
  order_updated: logged('order_updated', orderData.extend({ action: z.literal('updated') }).omit({ previousStatus: true }), inStore),
  order_status_changed: logged(
    'order_status_changed',
    orderData.extend({ action: z.literal('status_changed') }).required({ previousStatus: true }),
    inStore,
  ),
  customer_created: logged('customer_created', customerData.extend({ action: z.literal('created') }).omit({ updatedFields: true }), inStore),
  customer_updated: logged('customer_updated', customerData.extend({ action: z.enum(['updated', 'deleted']) }), inStore),
  store_updated: logged('store_updated', storeData, inStore),
  member_changed: logged('store_updated', memberData, anywhere),
  product_updated: logged('product_updated', productData, inStore),
  category_updated: logged('category_updated', categoryData, inStore),
  notification: logged('general_notification', notificationData, anywhere),
}

const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/)

/** A logged event of which only the holder of the stream's key can read the data. */
const sealedFrame = z.strictObject({
  type: z.enum(['profile_updated', 'customer_created', 'customer_updated']),
  data: z.strictObject({ sealed: base64url.meta({ description: 'Ciphertext and tag' }) }),
  enc: z.strictObject({ v: z.literal(1), alg: z.literal('A256GCM'), kid: z.string().min(1), iv: base64url }),
  ...loggedFields,
  stream: eitherStream,
  storeId: id.optional(),
})

// Frames that are not logged: the hub's own

const replyTo = z.string().optional().meta({ description: 'The `id` of the message that this answers' })
const count = z.int().min(0)
const nothing = z.strictObject({ replyTo })

const position = z.strictObject({ epoch, seq: count })
const keys = z
  .array(z.strictObject({ stream: eitherStream, kid: z.string().min(1), k: base64url }))
  .optional()
  .meta({ description: 'Keys of sealed events, when the server seals any and this socket may read them' })

/** What the answer says of a stream; `seq` is its head when the subscription began. */
const streamAnswer = z
  .discriminatedUnion('resumed', [
    position.extend({ resumed: z.literal(true), replayed: count.meta({ description: 'Events sent up to `seq`' }) }),
    position.extend({
      resumed: z.literal(false),
      replayed: z.literal(0).optional(),
      reason: z
        .enum(['expired', 'epoch_changed', 'ahead', 'too_far'])
        .optional()
        .meta({ description: 'Fetch the snapshot; left out when no position was given' }),
    }),
  ])
  .meta({ id: 'StreamAnswer' })
export type StreamAnswer = z.infer<typeof streamAnswer>
export type ResumeReason = NonNullable<Extract<StreamAnswer, { resumed: false }>['reason']>
const streamAnswers = z.record(eitherStream, streamAnswer)

const presenceData = z.strictObject({ userId: id, name: z.string(), onlineUsers: count })

const plain = <T extends string, D extends z.ZodType>(type: T, data: D) => z.strictObject({ type: z.literal(type), data, timestamp })

/** The keys of the table, whose type names all of them. */
const errorCodes = Object.keys(wsErrors) as WsErrorCode[]

export const hubFrames = {
  connected: plain(
    'general_notification',
    z.strictObject({ message: z.literal('Connected to ZipZap'), sessionId: id, authenticated: z.boolean(), heartbeatIntervalMs: count }),
  ),
  authenticated: plain(
    'general_notification',
    z.strictObject({
      message: z.literal('Authentication successful'),
      sessionId: id,
      userId: id,
      storeId: id.nullable(),
      role: roleSchema.nullable(),
      userSessions: count,
      storeSessions: count,
      expiresAt: timestamp.nullable().meta({ description: 'null for a device' }),
      streams: streamAnswers,
      keys,
      replyTo,
    }),
  ),
  subscribed: plain('subscribed', z.strictObject({ storeId: id, streams: streamAnswers, keys, replyTo })),
  order_tracked: plain('subscribed', z.strictObject({ orderId: id, orderNumber: z.string(), status: orderStatusSchema, replyTo })),
  tracked_order_status_changed: plain(
    'order_status_changed',
    z.strictObject({ action: z.literal('status_changed'), orderId: id, previousStatus: orderStatusSchema, ...trackedOrderSchema.shape }),
  ),
  unsubscribed: plain('unsubscribed', z.strictObject({ storeId: id, reason: z.literal('revoked').optional(), replyTo })),
  sync: plain('sync', z.strictObject({ live: z.literal(true).optional(), streams: z.record(eitherStream, position), keys })),
  user_joined: plain('user_joined', presenceData).extend({ storeId: id }),
  user_left: plain('user_left', presenceData).extend({ storeId: id }),
  custom_action: plain('custom_action', clientMessages.custom_action).extend({ userId: id, storeId: id, sessionId: id }),
  ack: plain('ack', nothing),
  ping: plain('ping', nothing),
  pong: plain('pong', nothing),
  session_expiring: plain('session_expiring', z.strictObject({ expiresAt: timestamp })),
  goaway: plain('goaway', z.strictObject({ reconnectAfterMs: count })),
  error: plain('error', z.strictObject({ code: z.enum(errorCodes), message: z.string(), replyTo, retryAfterMs: count.optional() })),
}

export const serverFrames = { ...loggedFrames, sealed: sealedFrame, ...hubFrames }
export type ServerFrameName = keyof typeof serverFrames

/** A frame as a client gets it. */
export type ServerFrame = z.infer<(typeof serverFrames)[ServerFrameName]>

export type StatusChangeData = z.infer<typeof loggedFrames.order_status_changed>['data']

type HubFrame = z.infer<(typeof hubFrames)[keyof typeof hubFrames]>

/** The data of what the hub says by itself, by type. */
export type HubData = { [F in HubFrame as F['type']]: F['data'] }
export type HubFrameType = keyof HubData

// What clients send

/** Fields that are not named here are passed over. */
const fromClient = <T extends ClientMessageType, D extends z.ZodType>(type: T, data: D) =>
  clientEnvelopeSchema.extend({ type: z.literal(type), data })

export const clientFrames = {
  authenticate: fromClient('authenticate', clientMessages.authenticate),
  subscribe: fromClient('subscribe', clientMessages.subscribe),
  unsubscribe: fromClient('unsubscribe', clientMessages.unsubscribe),
  ack: fromClient('ack', clientMessages.ack),
  custom_action: fromClient('custom_action', clientMessages.custom_action),
  ping: fromClient('ping', clientMessages.ping.optional()),
  pong: fromClient('pong', clientMessages.pong.optional()),
} satisfies Record<ClientMessageType, z.ZodType>
