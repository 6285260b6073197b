import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { getTrackedOrder } from '~/controllers/tracking.controllers'
import { open } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { trackedOrderSchema } from '~/utils/contracts/tracking'
import { failure, ok, publicFailures, success } from '~/utils/http'

export const trackingRoutes = newRouter()

trackingRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/track/{token}',
    summary: 'Follow one order by its tracking token, without a session',
    tags: ['Orders'],
    middleware: open,
    request: { params: z.object({ token: z.string() }) },
    responses: { 200: success('What the holder of the token may know', trackedOrderSchema), ...publicFailures, 404: failure('No such order') },
  }),
  async (c) => ok(c, 200, await getTrackedOrder(c.req.valid('param').token), 'Order'),
)
