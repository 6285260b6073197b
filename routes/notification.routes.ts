import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { createNotification } from '~/controllers/notification.controllers'
import { inStoreWithBody } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { managers } from '~/utils/actor'
import { id } from '~/utils/contracts/common'
import { createNotificationSchema, notificationSchema } from '~/utils/contracts/notification'
import { body, memberFailures, ok, security, success } from '~/utils/http'

export const notificationRoutes = newRouter()

notificationRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/stores/{storeId}/notifications',
    summary: 'Notify the store, or one of its members',
    tags: ['Notifications'],
    security,
    middleware: inStoreWithBody(managers),
    request: { params: z.object({ storeId: id }), body: body(createNotificationSchema) },
    responses: { 201: success('The notification', notificationSchema), ...memberFailures },
  }),
  async (c) => ok(c, 201, await createNotification(c.var.member, c.req.valid('json')), 'Notification sent'),
)
