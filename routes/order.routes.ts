import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { getOrder, listOrders, requireOrder } from '~/controllers/order.controllers'
import { createOrder } from '~/controllers/order-create.controllers'
import { changeOrderStatus, requireStatusRight } from '~/controllers/order-status.controllers'
import { updateOrder } from '~/controllers/order-update.controllers'
import { bodyRight, inStore, inStoreWithBody, judgedFirst } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { anyMember, crew, type Member, staffAndUp } from '~/utils/actor'
import { id } from '~/utils/contracts/common'
import { changeStatusSchema, createOrderSchema, orderQuerySchema, orderSchema, updateOrderSchema } from '~/utils/contracts/order'
import { body, failure, memberFailures, ok, page, pageOf, security, success, versionFailures } from '~/utils/http'

export const orderRoutes = newRouter()

const tags = ['Orders']
const inStoreParams = z.object({ storeId: id })
const orderParams = z.object({ storeId: id, id })

/** A kiosk gives no discounts, and knows no customers but those it brings along. */
const mayTake = (member: Member, fields: Record<string, unknown>) =>
  member.role !== 'kiosk' || ((fields.discount ?? 0) === 0 && (fields.customerId ?? null) === null)

orderRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/orders',
    summary: "List a store's orders; a kiosk sees those it made",
    tags,
    security,
    middleware: inStore(anyMember),
    request: { params: inStoreParams, query: orderQuerySchema },
    responses: { 200: pageOf('Newest first', orderSchema), ...memberFailures },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listOrders(c.var.member, c.req.valid('query')), 'Orders'),
)

orderRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/stores/{storeId}/orders',
    summary: 'Create an order; the server prices it and takes its stock',
    tags,
    security,
    middleware: inStoreWithBody([...staffAndUp, 'kiosk'], bodyRight(mayTake)),
    request: { params: inStoreParams, body: body(createOrderSchema) },
    responses: {
      201: success('The order', orderSchema),
      ...memberFailures,
      409: failure('id_taken, store_closed, product_unavailable or out_of_stock'),
    },
  }),
  async (c) => ok(c, 201, await createOrder(c.var.member, c.req.valid('json')), 'Order created'),
)

orderRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/orders/{id}',
    summary: 'Read an order',
    tags,
    security,
    middleware: inStore(anyMember),
    request: { params: orderParams },
    responses: { 200: success('The order', orderSchema), ...memberFailures },
  }),
  async (c) => ok(c, 200, await getOrder(c.var.member, c.req.valid('param').id), 'Order'),
)

orderRoutes.openapi(
  createRoute({
    method: 'patch',
    path: '/stores/{storeId}/orders/{id}',
    summary: 'Change an order; its items only before the kitchen begins',
    description:
      'A total below what was paid is allowed; the order then counts as `paid`, and a manager may refund the difference. ' +
      'Other items once the order is `preparing` or later: 409 `invalid_transition`.',
    tags,
    security,
    middleware: inStoreWithBody(staffAndUp, judgedFirst(requireOrder)),
    request: { params: orderParams, body: body(updateOrderSchema) },
    responses: {
      200: success('The order after the change', orderSchema),
      ...memberFailures,
      409: failure('invalid_transition, product_unavailable or out_of_stock'),
      ...versionFailures,
    },
  }),
  async (c) => ok(c, 200, await updateOrder(c.var.member, c.req.valid('param').id, c.req.valid('json')), 'Order updated'),
)

orderRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/stores/{storeId}/orders/{id}/status',
    summary: "Change an order's status",
    tags,
    security,
    middleware: inStoreWithBody(crew, judgedFirst(requireStatusRight)),
    request: { params: orderParams, body: body(changeStatusSchema) },
    responses: { 200: success('The order after the change', orderSchema), ...memberFailures, 409: failure('invalid_transition') },
  }),
  async (c) => ok(c, 200, await changeOrderStatus(c.var.member, c.req.valid('param').id, c.req.valid('json')), 'Order status changed'),
)
