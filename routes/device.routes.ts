import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { createDevice, deleteDevice, listDevices } from '~/controllers/device.controllers'
import { credentialOf } from '~/controllers/session.controllers'
import { inStore, inStoreWithBody } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { managers } from '~/utils/actor'
import { id, pageQuery } from '~/utils/contracts/common'
import { createDeviceSchema, deviceSchema, newDeviceSchema } from '~/utils/contracts/member'
import { body, memberFailures, ok, page, pageOf, security, success } from '~/utils/http'

export const deviceRoutes = newRouter()

const tags = ['Devices']
const inStoreParams = z.object({ storeId: id })
const deviceParams = z.object({ storeId: id, userId: id })

deviceRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/devices',
    summary: "List a store's tills, screens and kiosks",
    tags,
    security,
    middleware: inStore(managers),
    request: { params: inStoreParams, query: z.strictObject(pageQuery) },
    responses: { 200: pageOf('Newest first', deviceSchema), ...memberFailures },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listDevices(c.var.member, c.req.valid('query')), 'Devices'),
)

deviceRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/stores/{storeId}/devices',
    summary: 'Create a device and its token, which lives until the device is removed',
    tags,
    security,
    middleware: inStoreWithBody(managers),
    request: { params: inStoreParams, body: body(createDeviceSchema) },
    responses: { 201: success('The device and its token', newDeviceSchema), ...memberFailures },
  }),
  async (c) => {
    const callerToken = credentialOf(c.req.raw.headers)?.token ?? ''
    return ok(c, 201, await createDevice(c.var.member, c.req.valid('json'), callerToken), 'Device created')
  },
)

deviceRoutes.openapi(
  createRoute({
    method: 'delete',
    path: '/stores/{storeId}/devices/{userId}',
    summary: 'Remove a device and revoke its token',
    tags,
    security,
    middleware: inStore(managers),
    request: { params: deviceParams },
    responses: { 200: success('The device that was removed', deviceSchema), ...memberFailures },
  }),
  async (c) => ok(c, 200, await deleteDevice(c.var.member, c.req.valid('param').userId), 'Device removed'),
)
