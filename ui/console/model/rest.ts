import { RestClient } from '~/ui/client/rest'
import { learnServerTime } from '~/ui/console/model/clock'

/** The one way to REST from these pages: same origin, the session's cookie or a device's token. */

let bearer: string | undefined
let sessionOf: () => string | null = () => null
let onSignedOut = () => {}

export function setBearer(token: string | null): void {
  bearer = token ?? undefined
}

/** The page's own WebSocket session: put into the events of its writes. */
export function setSocketSession(read: () => string | null): void {
  sessionOf = read
}

/** Called when the server says that the session is gone. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener
}

export const rest = new RestClient({ getToken: () => bearer, getSessionId: () => sessionOf(), fetch: send })

async function send(url: string, init: RequestInit): Promise<Response> {
  const askedAt = Date.now()
  const response = await fetch(url, init)
  learnServerTime(response.headers.get('date'), askedAt)
  // Under /auth a 401 is an answer to a sign-in, or to the very question whether there is a session.
  if (response.status === 401 && !new URL(url).pathname.startsWith('/api/v1/auth/')) onSignedOut()
  return response
}
