import { OpenAPIHono } from '@hono/zod-openapi'
import { describeSocket } from '~/routes/asyncapi'
import { auditRoutes } from '~/routes/audit.routes'
import { authRoutes } from '~/routes/auth.routes'
import { categoryRoutes } from '~/routes/category.routes'
import { consoleRoutes } from '~/routes/console.routes'
import { customerRoutes } from '~/routes/customer.routes'
import { deviceRoutes } from '~/routes/device.routes'
import { documentRoutes } from '~/routes/documents.routes'
import { eventRoutes } from '~/routes/event.routes'
import { memberRoutes } from '~/routes/member.routes'
import { metricsRoutes } from '~/routes/metrics.routes'
import { answerFailure, unknownRoute } from '~/routes/middleware/failures'
import { crossOrigin, judgeUrl, pathOf, requestContext, securityHeaders } from '~/routes/middleware/request'
import { notificationRoutes } from '~/routes/notification.routes'
import { describeApi } from '~/routes/openapi'
import { orderRoutes } from '~/routes/order.routes'
import { paymentRoutes } from '~/routes/payment.routes'
import { presenceRoutes } from '~/routes/presence.routes'
import { productRoutes } from '~/routes/product.routes'
import { snapshotRoutes } from '~/routes/snapshot.routes'
import { storeRoutes } from '~/routes/store.routes'
import { systemRoutes, webSocketSystemRoutes } from '~/routes/system.routes'
import { ticketRoutes } from '~/routes/ticket.routes'
import { trackingRoutes } from '~/routes/tracking.routes'
import { userRoutes } from '~/routes/user.routes'
import type { Config } from '~/utils/config'
import type { AppEnv } from '~/utils/http'

/** The table of contents of the REST API. */
export function createApp(config: Config) {
  const app = new OpenAPIHono<AppEnv>({ getPath: pathOf })
  app.onError(answerFailure)
  app.use(requestContext(config), securityHeaders(config), crossOrigin(config), judgeUrl)

  const api = '/api/v1'
  app.route(api, authRoutes)
  app.route(api, userRoutes)
  app.route(api, ticketRoutes)
  app.route(api, storeRoutes)
  app.route(api, memberRoutes)
  app.route(api, deviceRoutes)
  app.route(api, categoryRoutes)
  app.route(api, productRoutes)
  app.route(api, customerRoutes)
  app.route(api, orderRoutes)
  app.route(api, paymentRoutes)
  app.route(api, trackingRoutes)
  app.route(api, snapshotRoutes)
  app.route(api, eventRoutes)
  app.route(api, notificationRoutes)
  app.route(api, auditRoutes)
  app.route(api, presenceRoutes)
  app.route(api, webSocketSystemRoutes)
  app.route('/', systemRoutes)
  app.route('/', metricsRoutes)
  const openApi = () => describeApi(app, config)
  const asyncApi = () => describeSocket(config)
  app.route('/', documentRoutes(openApi, asyncApi))
  app.route('/', consoleRoutes(config))

  app.notFound(unknownRoute(app))
  return app
}

/** What is beside the hub on a port of its own: nothing, in the same envelope. */
export function createHubOnlyApp(config: Config) {
  const app = new OpenAPIHono<AppEnv>({ getPath: pathOf })
  app.onError(answerFailure)
  app.use(requestContext(config), securityHeaders(config), judgeUrl)
  app.notFound(unknownRoute(app))
  return app
}
