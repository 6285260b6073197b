import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { getOrder } from '~/controllers/order.controllers'
import { createPayment, listPayments } from '~/controllers/payment.controllers'
import { bodyRight, inStore, inStoreWithBody, judgedFirst } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { hasRole, type Member, staffAndUp } from '~/utils/actor'
import { id, pageQuery } from '~/utils/contracts/common'
import { createPaymentSchema, paymentSchema } from '~/utils/contracts/payment'
import { body, failure, memberFailures, ok, page, pageOf, security, success } from '~/utils/http'

export const paymentRoutes = newRouter()

const tags = ['Payments']
const orderParams = z.object({ storeId: id, id })

const mayBook = (member: Member, fields: Record<string, unknown>) => fields.kind !== 'refund' || hasRole(member.role, 'manager')

paymentRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/orders/{id}/payments',
    summary: "List an order's payments and refunds",
    tags,
    security,
    middleware: inStore(staffAndUp),
    request: { params: orderParams, query: z.strictObject(pageQuery) },
    responses: { 200: pageOf('Newest first', paymentSchema), ...memberFailures },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listPayments(c.var.member, c.req.valid('param').id, c.req.valid('query')), 'Payments'),
)

paymentRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/stores/{storeId}/orders/{id}/payments',
    summary: 'Book a payment, or as a manager a refund',
    description: "Allowed whatever the order's status, which it never changes.",
    tags,
    security,
    middleware: inStoreWithBody(staffAndUp, bodyRight(mayBook), judgedFirst(getOrder)),
    request: { params: orderParams, body: body(createPaymentSchema) },
    responses: { 201: success('The payment', paymentSchema), ...memberFailures, 409: failure('overpaid or refund_exceeds_paid') },
  }),
  async (c) => {
    const { kind } = c.req.valid('json')
    const written = await createPayment(c.var.member, c.req.valid('param').id, c.req.valid('json'))
    return ok(c, 201, written, kind === 'refund' ? 'Refund booked' : 'Payment booked')
  },
)
