import { createRoute } from '@hono/zod-openapi'
import { z } from 'zod'
import { endSession, listSessions } from '~/controllers/session.controllers'
import { changeEmail, changePassword, getProfile, requireProfile, updateProfile } from '~/controllers/user.controllers'
import { personWithBody, type Step, signedIn } from '~/routes/middleware/access'
import { clearCookie, clientOf } from '~/routes/middleware/client'
import { newRouter } from '~/routes/router'
import { sessionSchema } from '~/utils/contracts/auth'
import { id, pageQuery } from '~/utils/contracts/common'
import { changeEmailSchema, changePasswordSchema, updateProfileSchema, userSchema } from '~/utils/contracts/user'
import { actorFailures, body, failure, ok, page, pageOf, security, success, versionFailures } from '~/utils/http'

export const userRoutes = newRouter()

const tags = ['Identity']

/** The 412 of the profile comes before the 422 of a wrong body. */
const profileJudgedFirst: Step = (c) => c.set('beforeValidation', () => requireProfile(c.get('actor')))

userRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/users/profile',
    summary: 'Read your profile',
    tags,
    security,
    middleware: signedIn,
    responses: { 200: success('The user', userSchema), ...actorFailures },
  }),
  async (c) => ok(c, 200, await getProfile(c.var.actor), 'Profile'),
)

userRoutes.openapi(
  createRoute({
    method: 'patch',
    path: '/users/profile',
    summary: 'Change your profile',
    tags,
    security,
    middleware: personWithBody(profileJudgedFirst),
    request: { body: body(updateProfileSchema) },
    responses: { 200: success('The user after the change', userSchema), ...actorFailures, ...versionFailures },
  }),
  async (c) => ok(c, 200, await updateProfile(c.var.actor, c.req.valid('json')), 'Profile updated'),
)

userRoutes.openapi(
  createRoute({
    method: 'patch',
    path: '/users/password',
    summary: 'Change your password and end all your other sessions',
    tags,
    security,
    middleware: personWithBody(),
    request: { body: body(changePasswordSchema) },
    responses: { 200: success('The user', userSchema), ...actorFailures },
  }),
  async (c) => ok(c, 200, await changePassword(c.var.actor, clientOf(c), c.req.valid('json')), 'Password changed'),
)

userRoutes.openapi(
  createRoute({
    method: 'patch',
    path: '/users/email',
    summary: 'Change your e-mail',
    tags,
    security,
    middleware: personWithBody(profileJudgedFirst),
    request: { body: body(changeEmailSchema) },
    responses: { 200: success('The user after the change', userSchema), ...actorFailures, ...versionFailures, 409: failure('The e-mail is taken') },
  }),
  async (c) => ok(c, 200, await changeEmail(c.var.actor, clientOf(c), c.req.valid('json')), 'E-mail changed'),
)

userRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/users/sessions',
    summary: 'List your sessions',
    tags,
    security,
    middleware: signedIn,
    request: { query: z.strictObject(pageQuery) },
    responses: { 200: pageOf('Newest first', sessionSchema), ...actorFailures },
  }),
  async (c) => page(c, c.req.valid('query').limit, await listSessions(c.var.actor, c.req.valid('query')), 'Sessions'),
)

userRoutes.openapi(
  createRoute({
    method: 'delete',
    path: '/users/sessions/{id}',
    summary: 'End one of your sessions',
    tags,
    security,
    middleware: signedIn,
    request: { params: z.object({ id }) },
    responses: { 200: success('The session that has ended', sessionSchema), ...actorFailures, 404: failure('Not one of your sessions') },
  }),
  async (c) => {
    const ended = await endSession(c.var.actor, c.req.valid('param').id)
    if (ended.data.current) clearCookie(c)
    return ok(c, 200, ended, 'Session ended')
  },
)
