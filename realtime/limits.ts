/** Limits on what one client may ask for. */
export const maxSubscriptions = 50
export const maxSocketsPerUser = 50
/** Bytes of one client message. */
export const maxMessageBytes = 16 * 1024
