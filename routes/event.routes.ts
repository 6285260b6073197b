import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { listEvents } from '~/controllers/event.controllers'
import { inStore } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { anyMember } from '~/utils/actor'
import { id } from '~/utils/contracts/common'
import { eventQuerySchema, loggedMessageSchema } from '~/utils/contracts/event'
import { failure, memberFailures, page, pageOf, security } from '~/utils/http'

export const eventRoutes = newRouter()

eventRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/events',
    summary: "Read a store's log as WebSocket messages, as your role may see it",
    description:
      'Ascending by `seq`. `meta.nextCursor` is the `after` of the next page, or null when nothing more is there. ' +
      'Hidden and filtered events leave holes in `seq`.',
    tags: ['Stores'],
    security,
    middleware: inStore(anyMember),
    request: { params: z.object({ storeId: id }), query: eventQuerySchema },
    responses: {
      200: pageOf('Oldest first', loggedMessageSchema),
      ...memberFailures,
      410: failure('Another epoch, pruned, or ahead of the log: fetch the snapshot'),
    },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listEvents(c.var.member, c.req.valid('query')), 'Events'),
)
