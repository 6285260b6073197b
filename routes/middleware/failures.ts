import type { Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { AppError, badRequest, methodNotAllowed, notFound, unavailable, unsupportedMediaType } from '~/utils/errors'
import type { AppEnv } from '~/utils/http'
import { logger } from '~/utils/logger'
import { metrics } from '~/utils/metrics'
import { sqlState } from '~/utils/sql-state'

/** The only place that builds a failure envelope. */
export function answerFailure(error: unknown, c: Context<AppEnv>): Response {
  const requestId = c.get('request')?.requestId ?? Bun.randomUUIDv7()
  const failure = toAppError(error)
  metrics.restRejected.inc({ reason: failure.code })
  if (failure.status >= 500) logger.error({ requestId, err: error, method: c.req.method, route: c.req.routePath }, 'request failed')
  for (const [name, value] of Object.entries(failure.headers)) c.header(name, value)
  c.header('X-Request-Id', requestId)
  c.header('Cache-Control', 'no-store')
  const details = failure.details && { details: failure.details }
  return c.json({ success: false, data: null, message: failure.message, error: { code: failure.code, ...details, requestId } }, failure.status)
}

/** Nothing of the inside leaves: what is not an `AppError` becomes `unavailable` or `internal`. */
function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof HTTPException && error.status === 415) return unsupportedMediaType()
  if (error instanceof HTTPException && error.status < 500) return badRequest('bad_request', 'The request cannot be understood')
  if (isDatabaseOut(error)) return unavailable()
  return new AppError(500, 'internal', 'Something went wrong on our side')
}

const connectionErrors = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
])

/** Lost connections, and the SQLSTATE classes 08, 53, 57 and lock or statement timeouts. */
function isDatabaseOut(error: unknown): boolean {
  const { code } = sqlState(error)
  if (code) return /^(08|53|57)/.test(code) || code === '55P03'
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && connectionErrors.has(cause.code)) return true
  }
  return false
}

/** 405 with `Allow` where the path has routes of other methods, else 404. */
export function unknownRoute(app: Hono<AppEnv>): (c: Context<AppEnv>) => Response {
  let table: { pattern: RegExp; method: string }[] | undefined
  return (c) => {
    table ??= app.routes
      .filter((route) => route.method !== 'ALL')
      .map((route) => ({
        method: route.method,
        pattern: new RegExp(
          `^${route.path
            .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
            .replace(/:[^/]+/g, '[^/]+')
            .replaceAll('*', '.*')}$`,
        ),
      }))
    const methods = new Set(table.filter((route) => route.pattern.test(c.req.path)).map((route) => route.method))
    if (methods.has('GET')) methods.add('HEAD')
    throw methods.size > 0 ? methodNotAllowed([...methods].sort()) : notFound()
  }
}
