import type { OpenAPIHono } from '@hono/zod-openapi'
import packageJson from '~/package.json'
import type { Config } from '~/utils/config'
import type { AppEnv } from '~/utils/http'

/** The OpenAPI 3.1 document: what the routers declare, and what holds for all of them. */

export type OpenApiDocument = ReturnType<OpenAPIHono<AppEnv>['getOpenAPI31Document']>

const description = `REST API of ZipZap, the real-time ordering backend.

Every answer is an envelope: \`{ success, data, message }\`, lists with \`meta: { nextCursor, limit }\`, failures with
\`error: { code, details?, requestId }\` and \`data: null\`. Times are ISO 8601 in UTC with milliseconds, ids UUIDv7, amounts
integers in minor units of the store's currency. Refusals are judged in this order: the URL (400), the route (404), the
method (405), the session (401), the rate (429), the body (413, 415, 400), rights (404, 403), \`If-Match\` (412), fields
(422), state (409).

A write that logs events answers \`X-Stream-Position\`; the events themselves come over the WebSocket at \`/ws\`, which
\`/asyncapi.json\` describes.`

/** Groups of routes, in the order in which a reader meets them. */
const tagDescriptions: Record<string, string> = {
  Identity: 'Accounts, sessions and profiles',
  Stores: 'Stores and their settings',
  Members: 'Who works in a store, and as what',
  Devices: 'Tills, wall screens and kiosks that sign in with a token of their own',
  Categories: 'Groups of products on the menu',
  Products: 'What a store sells, with its modifiers and stock',
  Customers: 'Who orders',
  Orders: 'Orders from the first item to the last status',
  Payments: 'What was paid for an order, and refunded',
  Notifications: 'Messages to everybody in a store, or to one of its members',
  Audit: 'Who did what in a store, for its owners',
  Presence: 'Who is online in a store, over all instances',
  WebSocket: 'What a page needs before it opens a socket; /asyncapi.json describes the messages',
  System: 'Health and figures of this process; open to everybody and outside the rate limit',
}

export const sessionCookieName = (config: Pick<Config, 'isProduction'>): string => (config.isProduction ? '__Host-zipzap_session' : 'zipzap_session')

export function describeApi(app: OpenAPIHono<AppEnv>, config: Config): OpenApiDocument {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'The session token that sign-in answers, or the token of a device',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'cookie', {
    type: 'apiKey',
    in: 'cookie',
    name: sessionCookieName(config),
    description: 'Set by sign-in. Unsafe methods then need an Origin that is this host or in CORS_ORIGINS',
  })
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'ZipZap API', version: packageJson.version, description, license: { name: 'MIT', url: 'https://opensource.org/license/mit' } },
    servers: [{ url: '/', description: 'This process' }],
  })
  const usedTags = new Set<string>()
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of ['get', 'post', 'patch', 'delete'] as const) {
      const operation = item[method]
      if (!operation) continue
      describeCommon(operation, method, path)
      for (const tag of operation.tags ?? []) usedTags.add(tag)
    }
  }
  document.tags = Object.entries(tagDescriptions).flatMap(([name, text]) => (usedTags.has(name) ? [{ name, description: text }] : []))
  return document
}

type Operation = NonNullable<NonNullable<OpenApiDocument['paths']>[string]['get']>

/** Adds what the middleware does for every route of its kind: an id, and the headers of requests and answers. */
function describeCommon(operation: Operation, method: string, path: string): void {
  // Said rather than left out: open to everybody.
  operation.security ??= []
  operation.operationId = camelCase(operation.summary ?? `${method} ${path}`)
  const isInStore = path.startsWith('/api/v1/stores')
  const parameters = [...(operation.parameters ?? [])]
  if (method === 'post' && isInStore) parameters.push(requestHeaders.idempotencyKey)
  if (operation.responses?.['412']) parameters.push(requestHeaders.ifMatch)
  if (method !== 'get' && operation.security.length > 0) parameters.push(requestHeaders.sessionId)
  operation.parameters = parameters
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    response.headers = { ...answerHeaders['*'], ...answerHeaders[status], ...(isInStore && status.startsWith('2') && resourceHeaders) }
  }
}

const requestHeader = (name: string, text: string, schema: { type: 'string'; pattern?: string; example?: string }) => ({
  name,
  in: 'header' as const,
  required: false,
  description: text,
  schema,
})

const requestHeaders = {
  idempotencyKey: requestHeader('Idempotency-Key', 'Within 24 hours the same key, path and body replays the first answer', {
    type: 'string',
    pattern: '^[\\x21-\\x7e]{1,255}$',
  }),
  ifMatch: requestHeader('If-Match', 'The `ETag` that the change is based on; another version answers 412', { type: 'string', example: '"3"' }),
  sessionId: requestHeader('X-Session-Id', 'Your WebSocket session, so that you know your own echo among the events', { type: 'string' }),
}

const text = (description: string) => ({ description, schema: { type: 'string' as const } })
const retryAfter = { 'Retry-After': text('Seconds to wait') }

const answerHeaders: Record<string, Record<string, ReturnType<typeof text>>> = {
  '*': { 'X-Request-Id': text('Names this request in logs; a sane one of the caller is kept') },
  '401': { 'WWW-Authenticate': text('`Bearer`') },
  '429': {
    ...retryAfter,
    'RateLimit-Limit': text('Requests at once'),
    'RateLimit-Remaining': text('Requests left'),
    'RateLimit-Reset': text('Seconds until one more is allowed'),
  },
  '503': retryAfter,
}

const resourceHeaders = {
  ETag: text('The version of a versioned resource, for If-Match'),
  'X-Stream-Position': text('`<stream>=<epoch>:<seq>`: of the last event of a write, or of the snapshot that a read saw'),
  'Idempotent-Replayed': text('`true` when the answer was kept from the first request with this Idempotency-Key'),
}

function camelCase(summary: string): string {
  const words = summary.replaceAll("'", '').split(/[^A-Za-z0-9]+/)
  return words
    .filter(Boolean)
    .map((word, index) => (index === 0 ? word.toLowerCase() : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('')
}
