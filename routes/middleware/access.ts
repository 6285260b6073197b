import type { Context, MiddlewareHandler } from 'hono'
import { findMembership } from '~/controllers/member.controllers'
import { authenticate } from '~/controllers/session.controllers'
import { ignoreBody, readBody } from '~/routes/middleware/body'
import type { Member } from '~/utils/actor'
import { isId, type Role } from '~/utils/contracts/common'
import { forbidden, notFound, unauthorized } from '~/utils/errors'
import type { AppEnv } from '~/utils/http'
import { isOwnOrigin } from '~/utils/origin'
import { wsManager } from '~/utils/websocket'

/**
 * Who may come in: a route names one middleware, made of steps. Their order is the order in which refusals are judged:
 * 401, 429, the body's 413/415/400, then rights (404 before 403).
 */

type Handler = MiddlewareHandler<AppEnv>

/** Judges or reads one thing of the request, and throws the refusal. */
export type Step = (c: Context<AppEnv>) => void | Promise<void>

/** Steps as one middleware: a middleware each would cost every request several turns of promises for what is known at once. */
const admit =
  (...steps: Step[]): Handler =>
  async (c, next) => {
    for (const step of steps) {
      const waiting = step(c)
      if (waiting) await waiting
    }
    await next()
  }

const limit: Step = (c) => c.env.limiter(c)

/** Anybody. */
export const open = admit(limit)
export const openWithBody = admit(limit, readBody)

const signIn: Step = async (c) => {
  const headers = c.req.raw.headers
  const identity = await authenticate(headers)
  if (!identity) throw unauthorized()
  const wsSessionId = headers.get('x-session-id')
  if (wsSessionId && wsManager.ownsSession(identity.userId, wsSessionId)) c.get('request').wsSessionId = wsSessionId
  c.set('actor', {
    userId: identity.userId,
    kind: identity.kind,
    sessionId: identity.sessionId,
    expiresAt: identity.expiresAt,
    request: c.get('request'),
  })
  c.set('isCookie', identity.via === 'cookie')
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** A cookie is sent by the browser whoever wrote the page: unsafe methods need an Origin that is ours. */
const sameOrigin: Step = (c) => {
  const headers = c.req.raw.headers
  if (c.get('isCookie') && !safeMethods.has(c.req.method)) {
    const origin = headers.get('origin')
    if (!origin || !isOwnOrigin(origin, headers, c.env.config)) throw forbidden('This Origin may not use the session cookie')
  }
}

const identified: Step[] = [signIn, limit, ignoreBody, sameOrigin]
const identifiedWithBody: Step[] = [signIn, limit, readBody, sameOrigin]

/** A signed-in user or device. */
export const signedIn = admit(...identified)

const personOnly: Step = (c) => {
  if (c.get('actor').kind !== 'person') throw forbidden('A device may not do this')
}

/** A signed-in person: devices may not change accounts or create stores. */
export const personWithBody = (...more: Step[]): Handler => admit(...identifiedWithBody, personOnly, ...more)

/** Every id of the path is well-formed, the caller belongs to the store (else both are 404), and has one of the roles. */
const membership =
  (allowed: readonly Role[]): Step =>
  async (c) => {
    const { storeId, ...ids } = c.req.param() as Record<string, string>
    if (!isId(storeId) || !Object.values(ids).every(isId)) throw notFound()
    const role = await findMembership(storeId, c.get('actor').userId)
    if (!role) throw notFound()
    if (!allowed.includes(role)) throw forbidden()
    c.set('member', { ...c.get('actor'), storeId, role })
  }

/** A member of the path's store with one of these roles; utils/actor.ts names the usual sets. */
export const inStore = (allowed: readonly Role[]): Handler => admit(...identified, membership(allowed))
export const inStoreWithBody = (allowed: readonly Role[], ...more: Step[]): Handler => admit(...identifiedWithBody, membership(allowed), ...more)

/** A right that depends on what the body asks for; judged on the raw body, before it is validated. */
export const bodyRight =
  (isAllowed: (member: Member, body: Record<string, unknown>) => boolean): Step =>
  (c) => {
    if (!isAllowed(c.get('member'), fieldsOf(c.get('json')))) throw forbidden()
  }

/** The fields of a body that is an object, of whatever types; none of any other. */
const fieldsOf = (body: unknown): Record<string, unknown> => (typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {})

/**
 * For routes of one resource: `check` throws its 404, and its 412 for If-Match. It runs only when the body turns out
 * to be wrong, so that these come before the 422; on the way through, the controller judges them in its transaction.
 */
export const judgedFirst =
  (check: (member: Member, id: string, body: Record<string, unknown>) => Promise<unknown>): Step =>
  (c) => {
    const id = c.req.param('id') ?? c.req.param('userId') ?? c.get('member').storeId
    c.set('beforeValidation', () => check(c.get('member'), id, fieldsOf(c.get('json'))))
  }
