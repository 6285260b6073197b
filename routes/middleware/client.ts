import type { Context } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import { absoluteDays } from '~/controllers/session.controllers'
import type { Client } from '~/controllers/sign-in.controllers'
import type { AppEnv } from '~/utils/http'

/** What routes that take a password or open a session know of the client, and the cookie they leave with it. */

export const clientOf = (c: Context<AppEnv>): Client => ({
  address: c.get('address'),
  userAgent: c.req.raw.headers.get('user-agent'),
  isLimited: c.env.config.rateLimitRps > 0,
})

const cookieOptions = (c: Context<AppEnv>) => ({
  path: '/',
  httpOnly: true,
  sameSite: 'Lax' as const,
  ...(c.env.config.isProduction && { prefix: 'host' as const, secure: true }),
})

/** The cookie outlasts the session's idle end, which only the server knows. */
export function leaveCookie(c: Context<AppEnv>, token: string): void {
  setCookie(c, 'zipzap_session', token, { ...cookieOptions(c), maxAge: absoluteDays * 86_400 })
}

export function clearCookie(c: Context<AppEnv>): void {
  deleteCookie(c, 'zipzap_session', cookieOptions(c))
}
