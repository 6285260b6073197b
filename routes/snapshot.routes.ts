import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { getSnapshot } from '~/controllers/snapshot.controllers'
import { inStore } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { anyMember } from '~/utils/actor'
import { id } from '~/utils/contracts/common'
import { snapshotSchema } from '~/utils/contracts/snapshot'
import { memberFailures, ok, security, success } from '~/utils/http'

export const snapshotRoutes = newRouter()

snapshotRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/snapshot',
    summary: 'Read everything a screen begins with, in one consistent read',
    description: 'Not paged. A kiosk sees its own open orders.',
    tags: ['Stores'],
    security,
    middleware: inStore(anyMember),
    request: { params: z.object({ storeId: id }) },
    responses: { 200: success('The snapshot, and where the log continues it', snapshotSchema), ...memberFailures },
  }),
  async (c) => ok(c, 200, await getSnapshot(c.var.member), 'Snapshot'),
)
