/** Names without Zod, so that a browser bundle can import them. */

/** Application events as clients know them: `WebSocketEventType.ORDER_STATUS_CHANGED === 'order_status_changed'`. */
export const WebSocketEventType = {
  PROFILE_UPDATED: 'profile_updated',
  ORDER_CREATED: 'order_created',
  ORDER_UPDATED: 'order_updated',
  ORDER_STATUS_CHANGED: 'order_status_changed',
  CUSTOMER_CREATED: 'customer_created',
  CUSTOMER_UPDATED: 'customer_updated',
  STORE_UPDATED: 'store_updated',
  PRODUCT_UPDATED: 'product_updated',
  CATEGORY_UPDATED: 'category_updated',
  GENERAL_NOTIFICATION: 'general_notification',
  USER_JOINED: 'user_joined',
  USER_LEFT: 'user_left',
  CUSTOM_ACTION: 'custom_action',
} as const
export type WebSocketEventType = (typeof WebSocketEventType)[keyof typeof WebSocketEventType]

/** Never in the log: they are told to whoever is there, and have no seq. */
export const ephemeralEventTypes = ['user_joined', 'user_left', 'custom_action'] as const
export type EphemeralEventType = (typeof ephemeralEventTypes)[number]

/** In the log, with a seq, where a write tells of itself. */
export type LoggedEventType = Exclude<WebSocketEventType, EphemeralEventType>

export const applicationEventTypes: readonly WebSocketEventType[] = Object.values(WebSocketEventType)

export const isEphemeral = (type: string): type is EphemeralEventType => (ephemeralEventTypes as readonly string[]).includes(type)
