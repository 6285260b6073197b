import { createRoute } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import { z } from 'zod'
import { getHealth, getReadiness, getWebSocketHealth, getWebSocketStats } from '~/controllers/health.controllers'
import { newRouter } from '~/routes/router'
import { errorSchema } from '~/utils/contracts/common'
import { healthSchema, livenessSchema, readinessSchema, webSocketHealthSchema, webSocketStatsSchema } from '~/utils/contracts/health'
import { type AppEnv, failure, ok, success } from '~/utils/http'

/** Open to everybody, and outside the rate limit: balancers and monitors poll these from one address. */
export const systemRoutes = newRouter()
export const webSocketSystemRoutes = newRouter()

const tags = ['System']

const notStored: MiddlewareHandler = async (c, next) => {
  c.header('Cache-Control', 'no-store')
  await next()
}

const malformed = { 400: failure('A credential in the URL') }

/** The failure of a health endpoint, which keeps its data. */
const unhealthy = <S extends z.ZodType>(description: string, data: S) => ({
  description,
  content: { 'application/json': { schema: z.object({ success: z.literal(false), data, message: z.string(), error: errorSchema }) } },
})

function answerUnhealthy<T extends object>(c: Context<AppEnv>, data: T, message: string) {
  c.header('Retry-After', '2')
  const error = { code: 'unavailable', requestId: c.var.request.requestId }
  return c.json({ success: false as const, data, message, error }, 503)
}

webSocketSystemRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/websocket/stats',
    summary: 'Count the sockets of this instance',
    tags,
    middleware: notStored,
    responses: { 200: success('Counts; no ids', webSocketStatsSchema), ...malformed },
  }),
  async (c) => ok(c, 200, { data: await getWebSocketStats() }, 'WebSocket statistics retrieved successfully'),
)

webSocketSystemRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/websocket/health',
    summary: 'Tell whether the hub takes sockets',
    tags,
    middleware: notStored,
    responses: {
      200: success('The hub takes new sockets', webSocketHealthSchema),
      503: unhealthy('The hub is draining or not running', webSocketHealthSchema),
      ...malformed,
    },
  }),
  async (c) => {
    const data = await getWebSocketHealth()
    return data.healthy ? ok(c, 200, { data }, 'WebSocket server is healthy') : answerUnhealthy(c, data, 'WebSocket server is not healthy')
  },
)

systemRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/health',
    summary: 'Tell how each part is',
    tags,
    middleware: notStored,
    responses: {
      200: success('Working, perhaps degraded', healthSchema),
      503: unhealthy('A part without which nothing works is out', healthSchema),
      ...malformed,
    },
  }),
  async (c) => {
    const data = await getHealth()
    return data.status === 'unavailable'
      ? answerUnhealthy(c, data, 'The service is not available right now')
      : ok(c, 200, { data }, data.status === 'ok' ? 'Everything works' : 'Working, with a part degraded')
  },
)

systemRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/health/live',
    summary: 'Tell whether the process runs',
    description: 'A reason to start the process anew when it does not answer; it says nothing of the database.',
    tags,
    middleware: notStored,
    responses: { 200: success('The process answers', livenessSchema), ...malformed },
  }),
  (c) => ok(c, 200, { data: { status: 'ok' as const } }, 'The process is alive'),
)

systemRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/health/ready',
    summary: 'Tell whether to send requests here',
    tags,
    middleware: notStored,
    responses: { 200: success('Ready', readinessSchema), 503: unhealthy('Draining, or without database', readinessSchema), ...malformed },
  }),
  async (c) => {
    const data = await getReadiness()
    return data.status === 'ready' ? ok(c, 200, { data }, 'Ready') : answerUnhealthy(c, data, 'Not ready')
  },
)
