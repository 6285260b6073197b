import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { secureHeaders } from 'hono/secure-headers'
import type { Config } from '~/utils/config'
import { badRequest } from '~/utils/errors'
import type { AppEnv } from '~/utils/http'
import { logger } from '~/utils/logger'
import { clientAddress, isOwnOrigin, limitKey } from '~/utils/origin'
import { requestIdOf } from '~/utils/request-id'

/** What happens to every request, before its route is known. */

const credentialParameters = ['token', 'access_token', 'ticket', 'password']

export function requestContext(config: Config): MiddlewareHandler<AppEnv> {
  let isWarned = false
  return async (c, next) => {
    const startedAt = performance.now()
    const headers = c.req.raw.headers
    const requestId = requestIdOf(headers)
    c.set('request', { requestId, wsSessionId: null, ifMatch: entityTags(headers.get('if-match')), idempotency: null })
    c.set('address', limitKey(clientAddress(headers, c.env?.peerAddress ?? '', config)))
    c.header('X-Request-Id', requestId)
    if (config.trustedProxyHops === 0 && !isWarned && headers.has('x-forwarded-for')) {
      isWarned = true
      logger.warn('X-Forwarded-For is sent but TRUST_PROXY is 0: limits count the proxy as one client')
    }
    await next()
    if (logger.isLevelEnabled('debug')) {
      logger.debug(
        { requestId, method: c.req.method, route: c.req.routePath, status: c.res.status, ms: Math.round(performance.now() - startedAt) },
        'request',
      )
    }
  }
}

/** Entity tags of a header (RFC 9110 §8.8.3); a weak one never matches in If-Match. */
function entityTags(header: string | null): string[] | null {
  if (header === null) return null
  return header.split(',').map((tag) => tag.trim())
}

/** A credential in a URL ends up in logs and histories: refused before anything reads it. */
export const refuseCredentialInUrl: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { search } = new URL(c.req.url)
  if (search) {
    const query = new URLSearchParams(search)
    if (credentialParameters.some((name) => query.has(name)))
      throw badRequest('credential_in_url', 'Send credentials in headers or in the body, never in a URL')
  }
  await next()
}

/** Helmet-like headers on every answer; pages that need scripts widen the policy themselves. */
export const securityHeaders = (config: Config): MiddlewareHandler =>
  secureHeaders({
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    xFrameOptions: 'DENY',
    referrerPolicy: 'no-referrer',
    strictTransportSecurity: config.isProduction ? 'max-age=31536000; includeSubDomains' : false,
    crossOriginResourcePolicy: false,
    overwrite: false,
  })

const exposedHeaders = [
  'ETag',
  'Idempotent-Replayed',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Retry-After',
  'X-Request-Id',
  'X-Stream-Position',
]

export const crossOrigin = (config: Config): MiddlewareHandler<AppEnv> =>
  cors({
    origin: (origin, c) => (isOwnOrigin(origin, c.req.raw.headers, config) ? origin : null),
    credentials: true,
    allowMethods: ['GET', 'POST', 'PATCH', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'X-Request-Id', 'X-Session-Id'],
    exposeHeaders: exposedHeaders,
    maxAge: 600,
  })
