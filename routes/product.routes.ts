import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { createProduct, deleteProduct, getProduct, listProducts, requireProduct, updateProduct } from '~/controllers/product.controllers'
import { bodyRight, inStore, inStoreWithBody, judgedFirst } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { anyMember, crew, hasRole, type Member, managers } from '~/utils/actor'
import { id } from '~/utils/contracts/common'
import { createProductSchema, managerFields, productQuerySchema, productSchema, updateProductSchema } from '~/utils/contracts/product'
import { body, memberFailures, ok, page, pageOf, security, success, versionFailures } from '~/utils/http'

export const productRoutes = newRouter()

const tags = ['Products']
const inStoreParams = z.object({ storeId: id })
const productParams = z.object({ storeId: id, id })

const mayChange = (member: Member, fields: Record<string, unknown>) =>
  hasRole(member.role, 'manager') || !Object.keys(fields).some((field) => managerFields.includes(field))

productRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/products',
    summary: "List a store's products",
    tags,
    security,
    middleware: inStore(anyMember),
    request: { params: inStoreParams, query: productQuerySchema },
    responses: { 200: pageOf('Newest first', productSchema), ...memberFailures },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listProducts(c.var.member, c.req.valid('query')), 'Products'),
)

productRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/stores/{storeId}/products',
    summary: 'Create a product',
    tags,
    security,
    middleware: inStoreWithBody(managers),
    request: { params: inStoreParams, body: body(createProductSchema) },
    responses: { 201: success('The product', productSchema), ...memberFailures },
  }),
  async (c) => ok(c, 201, await createProduct(c.var.member, c.req.valid('json')), 'Product created'),
)

productRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/products/{id}',
    summary: 'Read a product',
    tags,
    security,
    middleware: inStore(anyMember),
    request: { params: productParams },
    responses: { 200: success('The product', productSchema), ...memberFailures },
  }),
  async (c) => ok(c, 200, await getProduct(c.var.member, c.req.valid('param').id), 'Product'),
)

productRoutes.openapi(
  createRoute({
    method: 'patch',
    path: '/stores/{storeId}/products/{id}',
    summary: 'Change a product; staff and kitchen change isAvailable and stock only',
    tags,
    security,
    middleware: inStoreWithBody(crew, bodyRight(mayChange), judgedFirst(requireProduct)),
    request: { params: productParams, body: body(updateProductSchema) },
    responses: { 200: success('The product after the change', productSchema), ...memberFailures, ...versionFailures },
  }),
  async (c) => ok(c, 200, await updateProduct(c.var.member, c.req.valid('param').id, c.req.valid('json')), 'Product updated'),
)

productRoutes.openapi(
  createRoute({
    method: 'delete',
    path: '/stores/{storeId}/products/{id}',
    summary: 'Archive a product',
    tags,
    security,
    middleware: inStore(managers),
    request: { params: productParams },
    responses: { 200: success('The product as it was archived', productSchema), ...memberFailures, ...versionFailures },
  }),
  async (c) => ok(c, 200, await deleteProduct(c.var.member, c.req.valid('param').id), 'Product deleted'),
)
