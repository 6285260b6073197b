import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { listAudit } from '~/controllers/audit.controllers'
import { inStore } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { owners } from '~/utils/actor'
import { auditEntrySchema } from '~/utils/contracts/audit'
import { id, pageQuery } from '~/utils/contracts/common'
import { memberFailures, page, pageOf, security } from '~/utils/http'

export const auditRoutes = newRouter()

auditRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/audit',
    summary: "Read a store's audit log: who did what that concerns rights, money or personal data",
    tags: ['Audit'],
    security,
    middleware: inStore(owners),
    request: { params: z.object({ storeId: id }), query: z.strictObject(pageQuery) },
    responses: { 200: pageOf('Newest first', auditEntrySchema), ...memberFailures },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listAudit(c.var.member, c.req.valid('query')), 'Audit log'),
)
