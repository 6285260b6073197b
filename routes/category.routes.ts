import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { createCategory, deleteCategory, getCategory, listCategories, requireCategory, updateCategory } from '~/controllers/category.controllers'
import { inStore, inStoreWithBody, judgedFirst } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { anyMember, managers } from '~/utils/actor'
import { categorySchema, createCategorySchema, updateCategorySchema } from '~/utils/contracts/category'
import { id, pageQuery } from '~/utils/contracts/common'
import { body, memberFailures, ok, page, pageOf, security, success, versionFailures } from '~/utils/http'

export const categoryRoutes = newRouter()

const tags = ['Categories']
const inStoreParams = z.object({ storeId: id })
const categoryParams = z.object({ storeId: id, id })

categoryRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/categories',
    summary: "List a store's categories",
    tags,
    security,
    middleware: inStore(anyMember),
    request: { params: inStoreParams, query: z.strictObject(pageQuery) },
    responses: { 200: pageOf('Newest first', categorySchema), ...memberFailures },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listCategories(c.var.member, c.req.valid('query')), 'Categories'),
)

categoryRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/stores/{storeId}/categories',
    summary: 'Create a category',
    tags,
    security,
    middleware: inStoreWithBody(managers),
    request: { params: inStoreParams, body: body(createCategorySchema) },
    responses: { 201: success('The category', categorySchema), ...memberFailures },
  }),
  async (c) => ok(c, 201, await createCategory(c.var.member, c.req.valid('json')), 'Category created'),
)

categoryRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/categories/{id}',
    summary: 'Read a category',
    tags,
    security,
    middleware: inStore(anyMember),
    request: { params: categoryParams },
    responses: { 200: success('The category', categorySchema), ...memberFailures },
  }),
  async (c) => ok(c, 200, await getCategory(c.var.member, c.req.valid('param').id), 'Category'),
)

categoryRoutes.openapi(
  createRoute({
    method: 'patch',
    path: '/stores/{storeId}/categories/{id}',
    summary: 'Change a category',
    tags,
    security,
    middleware: inStoreWithBody(managers, judgedFirst(requireCategory)),
    request: { params: categoryParams, body: body(updateCategorySchema) },
    responses: { 200: success('The category after the change', categorySchema), ...memberFailures, ...versionFailures },
  }),
  async (c) => ok(c, 200, await updateCategory(c.var.member, c.req.valid('param').id, c.req.valid('json')), 'Category updated'),
)

categoryRoutes.openapi(
  createRoute({
    method: 'delete',
    path: '/stores/{storeId}/categories/{id}',
    summary: 'Archive a category',
    tags,
    security,
    middleware: inStore(managers),
    request: { params: categoryParams },
    responses: { 200: success('The category as it was archived', categorySchema), ...memberFailures, ...versionFailures },
  }),
  async (c) => ok(c, 200, await deleteCategory(c.var.member, c.req.valid('param').id), 'Category deleted'),
)
