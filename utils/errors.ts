import type { ContentfulStatusCode } from 'hono/utils/http-status'

export type ErrorDetail = { path: string; message: string }

const conflictCodes = [
  'already_member',
  'email_taken',
  'id_taken',
  'idempotency_in_progress',
  'invalid_transition',
  'last_owner',
  'out_of_stock',
  'overpaid',
  'product_unavailable',
  'refund_exceeds_paid',
  'slug_taken',
  'store_closed',
] as const

/** Every `error.code` that REST answers with; a metric has one series for each. */
export const errorCodes = [
  ...conflictCodes,
  'bad_request',
  'credential_in_url',
  'forbidden',
  'idempotency_key_reused',
  'internal',
  'invalid_credentials',
  'invalid_cursor',
  'malformed_json',
  'method_not_allowed',
  'not_found',
  'payload_too_large',
  'position_expired',
  'rate_limited',
  'unauthorized',
  'unavailable',
  'unsupported_media_type',
  'user_not_found',
  'validation_failed',
  'version_mismatch',
] as const

export type ErrorCode = (typeof errorCodes)[number]

/**
 * The only error a controller throws on purpose. `onError` turns it into the failure envelope; its message is safe for
 * a stranger. Everything else that is thrown is logged with its stack and answered `internal`.
 */
export class AppError extends Error {
  override name = 'AppError'
  constructor(
    readonly status: ContentfulStatusCode,
    readonly code: ErrorCode,
    message: string,
    readonly details?: ErrorDetail[],
    readonly headers: Record<string, string> = {},
  ) {
    super(message)
  }
}

export const badRequest = (code: 'malformed_json' | 'bad_request' | 'invalid_cursor' | 'credential_in_url', message: string) =>
  new AppError(400, code, message)

export const unauthorized = (message = 'Sign in first', code: 'unauthorized' | 'invalid_credentials' = 'unauthorized') =>
  new AppError(401, code, message, undefined, { 'WWW-Authenticate': 'Bearer' })

export const forbidden = (message = 'You may not do this') => new AppError(403, 'forbidden', message)

/** Missing, foreign and malformed all look the same; `code` differs only for `user_not_found`. */
export const notFound = (message = 'Not found', code: 'not_found' | 'user_not_found' = 'not_found') => new AppError(404, code, message)

export const methodNotAllowed = (allowed: string[]) =>
  new AppError(405, 'method_not_allowed', 'This method is not allowed here', undefined, { Allow: allowed.join(', ') })

export type ConflictCode = (typeof conflictCodes)[number]

export const conflict = (code: ConflictCode, message: string, details?: ErrorDetail[]) => new AppError(409, code, message, details)

export const positionExpired = (message = 'This position can no longer be continued; fetch the snapshot') =>
  new AppError(410, 'position_expired', message)

export const versionMismatch = () => new AppError(412, 'version_mismatch', 'The resource has another version by now')

export const payloadTooLarge = () => new AppError(413, 'payload_too_large', 'The body is larger than 256 KiB', undefined, { Connection: 'close' })

export const unsupportedMediaType = (message = 'Send JSON, uncompressed, as application/json') => new AppError(415, 'unsupported_media_type', message)

export const validationFailed = (details: ErrorDetail[]) => new AppError(422, 'validation_failed', 'Some fields are wrong', details)

/** One wrong field that only the database could tell (a foreign id, a discount over the subtotal, …). */
export const invalidField = (path: string, message: string) => validationFailed([{ path, message }])

export const idempotencyKeyReused = () => new AppError(422, 'idempotency_key_reused', 'This Idempotency-Key was used with another body')

export const rateLimited = (retryAfterSeconds: number, headers: Record<string, string> = {}) =>
  new AppError(429, 'rate_limited', 'Too many requests', undefined, { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))), ...headers })

export const unavailable = (message = 'The service is not available right now', retryAfterSeconds = 2) =>
  new AppError(503, 'unavailable', message, undefined, { 'Retry-After': String(retryAfterSeconds) })
