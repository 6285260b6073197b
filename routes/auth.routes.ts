import { createRoute } from '@hono/zod-openapi'
import { getCurrentSession, login, register } from '~/controllers/auth.controllers'
import { confirmPasswordReset, requestPasswordReset } from '~/controllers/password-reset.controllers'
import { endSession } from '~/controllers/session.controllers'
import { openWithBody, signedIn } from '~/routes/middleware/access'
import { clearCookie, clientOf, leaveCookie } from '~/routes/middleware/client'
import { newRouter } from '~/routes/router'
import {
  confirmPasswordResetSchema,
  currentSessionSchema,
  emptySchema,
  loggedInSchema,
  loginSchema,
  passwordResetSchema,
  registeredSchema,
  sessionSchema,
} from '~/utils/contracts/auth'
import { registerSchema } from '~/utils/contracts/user'
import { actorFailures, body, failure, ok, publicFailures, security, success } from '~/utils/http'

export const authRoutes = newRouter()

const tags = ['Identity']

authRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/auth/register',
    summary: 'Register a person and sign in',
    tags,
    middleware: openWithBody,
    request: { body: body(registerSchema) },
    responses: {
      201: success('The user and a session token, also set as a cookie', registeredSchema),
      ...publicFailures,
      409: failure('The e-mail is taken'),
    },
  }),
  async (c) => {
    const registered = await register(clientOf(c), c.req.valid('json'))
    leaveCookie(c, registered.data.token)
    return ok(c, 201, registered, 'Registered')
  },
)

authRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/auth/login',
    summary: 'Sign in',
    tags,
    middleware: openWithBody,
    request: { body: body(loginSchema) },
    responses: {
      200: success('The user, a session token, also set as a cookie, and the stores of the user', loggedInSchema),
      ...publicFailures,
      401: failure('E-mail or password is wrong'),
    },
  }),
  async (c) => {
    const loggedIn = await login(clientOf(c), c.req.valid('json'))
    leaveCookie(c, loggedIn.data.token)
    return ok(c, 200, loggedIn, 'Signed in')
  },
)

authRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/auth/logout',
    summary: 'End this session',
    tags,
    security,
    middleware: signedIn,
    responses: { 200: success('The session that has ended', sessionSchema), ...actorFailures },
  }),
  async (c) => {
    const ended = await endSession(c.var.actor, c.var.actor.sessionId)
    clearCookie(c)
    return ok(c, 200, ended, 'Signed out')
  },
)

authRoutes.openapi(
  createRoute({
    method: 'get',
    path: '/auth/session',
    summary: 'Read who is signed in',
    tags,
    security,
    middleware: signedIn,
    responses: { 200: success('The user, this session and the stores of the user', currentSessionSchema), ...actorFailures },
  }),
  async (c) => ok(c, 200, await getCurrentSession(c.var.actor), 'Session'),
)

authRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/auth/password-reset',
    summary: 'Ask for a link to a new password, by mail',
    description: 'The answer is the same whether the account exists or not. The link is good for one use within 30 minutes.',
    tags,
    middleware: openWithBody,
    request: { body: body(passwordResetSchema) },
    responses: { 200: success('Nothing', emptySchema), ...publicFailures },
  }),
  async (c) =>
    ok(c, 200, await requestPasswordReset(clientOf(c), c.req.valid('json')), 'If there is an account with this e-mail, a link is on its way'),
)

authRoutes.openapi(
  createRoute({
    method: 'post',
    path: '/auth/password-reset/confirm',
    summary: 'Set a new password with the token of the link; all sessions of the user end',
    tags,
    middleware: openWithBody,
    request: { body: body(confirmPasswordResetSchema) },
    responses: { 200: success('Nothing', emptySchema), ...publicFailures },
  }),
  async (c) => ok(c, 200, await confirmPasswordReset(clientOf(c), c.req.valid('json')), 'Password changed; sign in with the new one'),
)
