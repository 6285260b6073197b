import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { addMember, changeMember, listMembers, mayManage, removeMember, requireMember } from '~/controllers/member.controllers'
import { bodyRight, inStore, inStoreWithBody, judgedFirst } from '~/routes/middleware/access'
import { newRouter } from '~/routes/router'
import { crew, type Member, managers, owners } from '~/utils/actor'
import { id, memberRoleSchema, pageQuery } from '~/utils/contracts/common'
import { addMemberSchema, changeMemberSchema, memberSchema } from '~/utils/contracts/member'
import { body, failure, memberFailures, ok, page, pageOf, security, success } from '~/utils/http'

export const memberRoutes = newRouter()

const tags = ['Members']
const inStoreParams = z.object({ storeId: id })
const memberParams = z.object({ storeId: id, userId: id })
const lastOwner = { 409: failure('`last_owner`: a store keeps at least one owner') }

/** An unknown role is no question of rights: validation names it. */
function mayAdd(member: Member, fields: Record<string, unknown>): boolean {
  const role = memberRoleSchema.safeParse(fields.role)
  return !role.success || mayManage(member.role, role.data)
}

memberRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/stores/{storeId}/members',
    summary: "List a store's members, devices included",
    tags,
    security,
    middleware: inStore(crew),
    request: { params: inStoreParams, query: z.strictObject(pageQuery) },
    responses: { 200: pageOf('Newest first', memberSchema), ...memberFailures },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listMembers(c.var.member, c.req.valid('query')), 'Members'),
)

memberRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/stores/{storeId}/members',
    summary: 'Make a registered user a member; managers add staff and kitchen only',
    tags,
    security,
    middleware: inStoreWithBody(managers, bodyRight(mayAdd)),
    request: { params: inStoreParams, body: body(addMemberSchema) },
    responses: {
      201: success('The member', memberSchema),
      ...memberFailures,
      404: failure('`user_not_found`: nobody is registered with this e-mail address; or no such store'),
      409: failure('`already_member`'),
    },
  }),
  async (c) => ok(c, 201, await addMember(c.var.member, c.req.valid('json')), 'Member added'),
)

memberRoutes.openapi(
  createRoute({
    method: 'patch',
    path: '/stores/{storeId}/members/{userId}',
    summary: "Change a member's role",
    tags,
    security,
    middleware: inStoreWithBody(owners, judgedFirst(requireMember)),
    request: { params: memberParams, body: body(changeMemberSchema) },
    responses: { 200: success('The member after the change', memberSchema), ...memberFailures, ...lastOwner },
  }),
  async (c) => ok(c, 200, await changeMember(c.var.member, c.req.valid('param').userId, c.req.valid('json')), 'Member changed'),
)

memberRoutes.openapi(
  createRoute({
    method: 'delete',
    path: '/stores/{storeId}/members/{userId}',
    summary: 'Remove a member, or leave; managers remove staff and kitchen only',
    tags,
    security,
    middleware: inStore(crew),
    request: { params: memberParams },
    responses: { 200: success('The member who was removed', memberSchema), ...memberFailures, ...lastOwner },
  }),
  async (c) => ok(c, 200, await removeMember(c.var.member, c.req.valid('param').userId), 'Member removed'),
)
