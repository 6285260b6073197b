import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { createCustomer, getCustomer, listCustomers, requireCustomer, updateCustomer } from '~/controllers/customer.controllers'
import { deleteCustomer } from '~/controllers/customer-anonymise.controllers'
import { exportCustomer } from '~/controllers/customer-export.controllers'
import { inStore, inStoreWithBody, judgedFirst } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { managers, staffAndUp } from '~/utils/actor'
import { id } from '~/utils/contracts/common'
import { createCustomerSchema, customerExportSchema, customerQuerySchema, customerSchema, updateCustomerSchema } from '~/utils/contracts/customer'
import { body, memberFailures, ok, page, pageOf, security, success, versionFailures } from '~/utils/http'

export const customerRoutes = newRouter()

const tags = ['Customers']
const inStoreParams = z.object({ storeId: id })
const customerParams = z.object({ storeId: id, id })

customerRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/customers',
    summary: "List a store's customers",
    tags,
    security,
    middleware: inStore(staffAndUp),
    request: { params: inStoreParams, query: customerQuerySchema },
    responses: { 200: pageOf('Newest first', customerSchema), ...memberFailures },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listCustomers(c.var.member, c.req.valid('query')), 'Customers'),
)

customerRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/stores/{storeId}/customers',
    summary: 'Create a customer',
    tags,
    security,
    middleware: inStoreWithBody(staffAndUp),
    request: { params: inStoreParams, body: body(createCustomerSchema) },
    responses: { 201: success('The customer', customerSchema), ...memberFailures },
  }),
  async (c) => ok(c, 201, await createCustomer(c.var.member, c.req.valid('json')), 'Customer created'),
)

customerRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/customers/{id}',
    summary: 'Read a customer',
    tags,
    security,
    middleware: inStore(staffAndUp),
    request: { params: customerParams },
    responses: { 200: success('The customer', customerSchema), ...memberFailures },
  }),
  async (c) => ok(c, 200, await getCustomer(c.var.member, c.req.valid('param').id), 'Customer'),
)

customerRoutes.openapi(
  createRoute({
    method: 'patch',
    path: '/stores/{storeId}/customers/{id}',
    summary: 'Change a customer',
    tags,
    security,
    middleware: inStoreWithBody(staffAndUp, judgedFirst(requireCustomer)),
    request: { params: customerParams, body: body(updateCustomerSchema) },
    responses: { 200: success('The customer after the change', customerSchema), ...memberFailures, ...versionFailures },
  }),
  async (c) => ok(c, 200, await updateCustomer(c.var.member, c.req.valid('param').id, c.req.valid('json')), 'Customer updated'),
)

customerRoutes.openapi(
  createRoute({
    method: 'delete',
    path: '/stores/{storeId}/customers/{id}',
    summary: 'Anonymise a customer; the orders stay',
    tags,
    security,
    middleware: inStore(staffAndUp),
    request: { params: customerParams },
    responses: { 200: success('What is left of the customer', customerSchema), ...memberFailures, ...versionFailures },
  }),
  async (c) => ok(c, 200, await deleteCustomer(c.var.member, c.req.valid('param').id), 'Customer deleted'),
)

customerRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/customers/{id}/export',
    summary: 'Read all that is kept of a customer',
    tags,
    security,
    middleware: inStore(managers),
    request: { params: customerParams },
    responses: { 200: success('The customer and its orders, newest first', customerExportSchema), ...memberFailures },
  }),
  async (c) => ok(c, 200, await exportCustomer(c.var.member, c.req.valid('param').id), 'Customer export'),
)
