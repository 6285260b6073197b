/**
 * WebSocket close codes and error codes: the one table from which the hub, the client library, AsyncAPI and the docs
 * draw. Without Zod, so that a browser bundle can import it. The range of a close code carries the client's policy.
 */

export const closeCodes = {
  // 1000–1015: RFC 6455 §7.4.1
  1000: { name: 'done', meaning: 'Done', client: 'stays away' },
  1001: { name: 'goingAway', meaning: 'The peer is going away', client: 'reconnects' },
  1003: { name: 'unsupportedData', meaning: 'A binary frame: only text is understood', client: 'stays away' },
  1006: { name: 'abnormal', meaning: 'Broken without a close frame', client: 'reconnects' },
  1009: { name: 'tooBig', meaning: 'A message over 16 KiB', client: 'stays away' },
  1011: { name: 'internalError', meaning: 'A fault on the server', client: 'reconnects' },
  1012: { name: 'restart', meaning: 'The server restarts', client: 'reconnects' },
  1013: { name: 'tryLater', meaning: 'Over capacity', client: 'reconnects' },
  // 4400–4407: the client stops and signs in again
  4400: { name: 'abuse', meaning: 'Too many invalid messages', client: 'signs in again' },
  4401: { name: 'sessionGone', meaning: 'Not authenticated in time, or the session has ended', client: 'signs in again' },
  4403: { name: 'notAllowed', meaning: 'Not allowed', client: 'signs in again' },
  // 4408 and above: the client backs off and resumes
  4408: { name: 'tooSlow', meaning: 'Too much was sent that was not read', client: 'reconnects' },
  4409: { name: 'silent', meaning: 'Nothing was heard for two heartbeats', client: 'reconnects' },
  4429: { name: 'tooFast', meaning: 'Too many messages', client: 'reconnects' },
} as const

export type CloseCode = keyof typeof closeCodes
export type ClosePolicy = (typeof closeCodes)[CloseCode]['client']

/** The `client` column by ranges, for codes that are not in the table too, and small enough for a browser bundle. */
export function policyOf(code: number): ClosePolicy {
  if (code >= 4400 && code < 4408) return 'signs in again'
  return code === 1000 || code === 1003 || code === 1009 ? 'stays away' : 'reconnects'
}

export const wsErrors = {
  invalid_message: 'Not JSON, of the wrong shape, or with a field that is too long; the tenth within a minute closes the socket',
  unknown_type: 'A type that clients do not send',
  unauthorized: 'No live session for this, or not authenticated yet',
  forbidden: 'The user may not do this',
  not_found: 'No such store, order or subscription for this user',
  rate_limited: 'Too many messages; `retryAfterMs` says when to go on',
  too_many_subscriptions: 'Past 50 subscriptions',
  too_many_connections: 'Past 50 sockets of this user',
  unavailable: 'The database cannot be asked right now; try again',
} as const

export type WsErrorCode = keyof typeof wsErrors
