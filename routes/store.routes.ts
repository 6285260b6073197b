import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { createStore, getStore, listStores, requireStore, updateStore } from '~/controllers/store.controllers'
import { inStore, inStoreWithBody, judgedFirst, personWithBody, signedIn } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { anyMember, managers } from '~/utils/actor'
import { id, pageQuery } from '~/utils/contracts/common'
import { createStoreSchema, storeSchema, updateStoreSchema } from '~/utils/contracts/store'
import { actorFailures, body, failure, memberFailures, ok, page, pageOf, security, success, versionFailures } from '~/utils/http'

export const storeRoutes = newRouter()

const tags = ['Stores']
const storeParams = z.object({ storeId: id })
const slugTaken = { 409: failure('`slug_taken`: another store has this slug') }

storeRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores',
    summary: 'List the stores you belong to',
    tags,
    security,
    middleware: signedIn,
    request: { query: z.strictObject(pageQuery) },
    responses: { 200: pageOf('Newest first', storeSchema), ...actorFailures },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listStores(c.var.actor, c.req.valid('query')), 'Stores'),
)

storeRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/stores',
    summary: 'Create a store and become its owner',
    tags,
    security,
    middleware: personWithBody(),
    request: { body: body(createStoreSchema) },
    responses: { 201: success('The store', storeSchema), ...actorFailures, ...slugTaken },
  }),
  async (c) => ok(c, 201, await createStore(c.var.actor, c.req.valid('json')), 'Store created'),
)

storeRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}',
    summary: 'Read a store',
    tags,
    security,
    middleware: inStore(anyMember),
    request: { params: storeParams },
    responses: { 200: success('The store', storeSchema), ...memberFailures },
  }),
  async (c) => ok(c, 200, await getStore(c.var.member), 'Store'),
)

storeRoutes.openapi(
  createRoute({
    method: 'patch',
    path: '/stores/{storeId}',
    summary: "Change a store's settings",
    tags,
    security,
    middleware: inStoreWithBody(managers, judgedFirst(requireStore)),
    request: { params: storeParams, body: body(updateStoreSchema) },
    responses: { 200: success('The store after the change', storeSchema), ...memberFailures, ...versionFailures, ...slugTaken },
  }),
  async (c) => ok(c, 200, await updateStore(c.var.member, c.req.valid('json')), 'Store updated'),
)
