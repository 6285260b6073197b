import { createRoute } from '@hono/zod-openapi'
import { login, register } from '~/controllers/auth.controllers'
import { openWithBody } from '~/routes/middleware/access'
import { clientOf, leaveCookie } from '~/routes/middleware/client'
import { newRouter } from '~/routes/router'
import { loggedInSchema, loginSchema, registeredSchema } from '~/utils/contracts/auth'
import { registerSchema } from '~/utils/contracts/user'
import { body, failure, ok, publicFailures, success } from '~/utils/http'

export const authRoutes = newRouter()

const tags = ['Identity']

// Before anything can fail, so that refusals carry it as well.
authRoutes.use('/auth/*', (c, next) => {
  c.header('Cache-Control', 'no-store')
  return next()
})

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
