import { rest, setBearer } from '~/ui/console/model/rest'
import type { Membership } from '~/utils/contracts/auth'
import type { User } from '~/utils/contracts/user'

/** Who is signed in: a person by the cookie, which no script can read, or this screen as a device by its own token. */

export type CurrentSession = { user: User; stores: Membership[] }

const deviceKey = 'zipzap.device-token'
const fragment = '#device='

/**
 * A device's token comes once, in the fragment of the link that its manager copied: the fragment never leaves the
 * browser. It is kept here, and taken out of the address.
 */
export function adoptDeviceToken(): void {
  if (location.hash.startsWith(fragment)) {
    localStorage.setItem(deviceKey, decodeURIComponent(location.hash.slice(fragment.length)))
    history.replaceState(null, '', location.pathname)
  }
  setBearer(localStorage.getItem(deviceKey))
}

export const deviceToken = (): string | undefined => localStorage.getItem(deviceKey) ?? undefined

export const deviceLink = (token: string): string => `${location.origin}/console${fragment}${encodeURIComponent(token)}`

export function forgetDevice(): void {
  localStorage.removeItem(deviceKey)
  setBearer(null)
}

export async function readSession(): Promise<CurrentSession> {
  const { data } = await rest.call('GET /auth/session')
  return { user: data.user, stores: data.stores }
}

/** Ends this session on the server; a device only forgets its token, which its manager revokes. */
export async function signOut(): Promise<void> {
  if (deviceToken()) return forgetDevice()
  await rest.call('POST /auth/logout')
}
