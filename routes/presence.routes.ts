import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { inStore } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { crew } from '~/utils/actor'
import { id } from '~/utils/contracts/common'
import { presentUserSchema } from '~/utils/contracts/presence'
import { memberFailures, ok, security, success } from '~/utils/http'
import { wsManager } from '~/utils/websocket'

export const presenceRoutes = newRouter()

presenceRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/presence',
    summary: 'Who is online in a store',
    tags: ['Presence'],
    security,
    middleware: inStore(crew),
    request: { params: z.object({ storeId: id }) },
    responses: { 200: success('Users with open sockets, over all instances', z.array(presentUserSchema)), ...memberFailures },
  }),
  async (c) => ok(c, 200, { data: await wsManager.getPresence(c.var.member.storeId) }, 'Presence'),
)
