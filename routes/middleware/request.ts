import type { Context, MiddlewareHandler, Next } from 'hono'
import { cors } from 'hono/cors'
import { secureHeaders } from 'hono/secure-headers'
import { getPath } from 'hono/utils/url'
import type { Config } from '~/utils/config'
import { badRequest } from '~/utils/errors'
import type { AppEnv } from '~/utils/http'
import { logger } from '~/utils/logger'
import { carriesCredential, clientAddress, hasSaneHost, isOwnOrigin, limitKey } from '~/utils/origin'
import { requestIdOf } from '~/utils/request-id'
import { isTracing, traced } from '~/utils/tracing'

/** What happens to every request, before its route is known. */

export function requestContext(config: Config): MiddlewareHandler<AppEnv> {
  let isWarned = false
  return async (c, next) => {
    const startedAt = performance.now()
    const headers = c.req.raw.headers
    const requestId = requestIdOf(headers)
    c.set('request', { requestId, wsSessionId: null, ifMatch: entityTags(headers.get('if-match')), idempotency: null })
    c.set('address', limitKey(clientAddress(headers, c.env?.peerAddress ?? '', config)))
    c.header('X-Request-Id', requestId)
    // Here rather than where a route answers, so that refusals carry it as well.
    if (c.req.path.startsWith('/api/')) c.header('Cache-Control', 'no-store')
    if (config.trustedProxyHops === 0 && !isWarned && headers.has('x-forwarded-for')) {
      isWarned = true
      logger.warn('X-Forwarded-For is sent but TRUST_PROXY is 0: limits count the proxy as one client')
    }
    await (isTracing() ? tracedRequest(c, next) : next())
    if (logger.isLevelEnabled('debug')) {
      logger.debug(
        { requestId, method: c.req.method, route: c.req.routePath, status: c.res.status, ms: Math.round(performance.now() - startedAt) },
        'request',
      )
    }
  }
}

/** The route, never the path: that may hold a tracking token. */
const tracedRequest = (c: Context<AppEnv>, next: Next): Promise<void> =>
  traced('request', async (note) => {
    await next()
    const { method, routePath } = c.req
    const about = { 'http.request.method': method, 'http.route': routePath, 'http.response.status_code': c.res.status }
    note({ ...about, 'zipzap.request_id': c.var.request.requestId })
  })

/** Entity tags of a header (RFC 9110 §8.8.3); a weak one never matches in If-Match. */
function entityTags(header: string | null): string[] | null {
  if (header === null) return null
  return header.split(',').map((tag) => tag.trim())
}

/** Bun's URL is the path alone when the Host is malformed or, in HTTP/1.0, missing. */
const absoluteUrl = (url: string) => (url.startsWith('/') ? `http://localhost${url}` : url)

/** The path that routes are matched against. */
export const pathOf = (request: Request): string => getPath(request.url.startsWith('/') ? new Request(absoluteUrl(request.url)) : request)

/** The URL is judged before anything else: a credential in it ends up in logs and histories. */
export const judgeUrl: MiddlewareHandler<AppEnv> = (c, next) => {
  const { url } = c.req
  if (!isHttp(url) || !hasSaneHost(c.req.raw.headers)) throw badRequest('bad_request', 'The URL or the Host header is malformed')
  if (url.includes('?') && carriesCredential(new URL(absoluteUrl(url))))
    throw badRequest('credential_in_url', 'Send credentials in headers or in the body, never in a URL')
  return next()
}

const isHttp = (url: string) => url.startsWith('http://') || URL.parse(absoluteUrl(url))?.protocol.startsWith('http')

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

export function crossOrigin(config: Config): MiddlewareHandler<AppEnv> {
  const allow = cors({
    origin: (origin, c) => (isOwnOrigin(origin, c.req.raw.headers, config) ? origin : null),
    credentials: true,
    allowMethods: ['GET', 'POST', 'PATCH', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'X-Request-Id', 'X-Session-Id'],
    exposeHeaders: exposedHeaders,
    maxAge: 600,
  })
  // Only browsers' pages send an Origin. Without the preflight's question, OPTIONS is a method like any other.
  const isAsked = ({ method, headers }: Request) => headers.has('origin') && (method !== 'OPTIONS' || headers.has('access-control-request-method'))
  return (c, next) => (isAsked(c.req.raw) ? allow(c, next) : next())
}
