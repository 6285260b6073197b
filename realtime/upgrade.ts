import type { Server } from 'bun'
import type { Connection, SocketSession } from '~/realtime/connection'
import type { HubContext } from '~/realtime/context'
import { maxSocketsPerUser } from '~/realtime/limits'
import { logger } from '~/utils/logger'
import { metrics } from '~/utils/metrics'
import { carriesCredential, clientAddress, isOwnOrigin, limitKey } from '~/utils/origin'
import { requestIdOf } from '~/utils/request-id'

export const subprotocol = 'zipzap.v1'

/** The credential of an upgrade, as the session seam finds it; `dead` when there was one and it is not alive. */
export type UpgradeIdentity = { via: 'none' } | { via: 'bearer' | 'cookie'; session: SocketSession | null }

export type Upgrades = {
  hub: HubContext
  isDraining(): boolean
  hasCredential(headers: Headers): 'none' | 'bearer' | 'cookie'
  identify(headers: Headers): Promise<SocketSession | null>
  create(address: string, session: SocketSession | null): Connection
}

const retryAfterSeconds = '5'

type Refusal = { status: number; code: string; message: string; headers: Record<string, string> }

/** Answers why there is no socket, or undefined once it is open. */
export async function upgrade(upgrades: Upgrades, request: Request, server: Server<Connection>): Promise<Response | undefined> {
  const refusal = await open(upgrades, request, server)
  return refusal && answer(refusal, request.headers)
}

/** Everything that needs no database is judged first, so that a flood of bad upgrades costs nothing. */
async function open(upgrades: Upgrades, request: Request, server: Server<Connection>): Promise<Refusal | undefined> {
  const { hub } = upgrades
  const { headers } = request
  const refusal = judgeForm(request) ?? judgeOrigin(upgrades, headers)
  if (refusal) return refusal
  if (upgrades.isDraining()) return refuse(503, 'unavailable', 'The server is restarting', { 'Retry-After': '1' })
  if (hub.sockets.sizeWithReserved >= hub.config.ws.maxConnections)
    return refuse(503, 'unavailable', 'Too many sockets', { 'Retry-After': retryAfterSeconds })
  const release = hub.sockets.reserve()
  try {
    const via = upgrades.hasCredential(headers)
    const session = via === 'none' ? null : await upgrades.identify(headers)
    if (via === 'bearer' && !session) return refuse(401, 'unauthorized', 'No live session for this', { 'WWW-Authenticate': 'Bearer' })
    // Only sockets of nobody count by address.
    const address = session ? '' : limitKey(clientAddress(headers, server.requestIP(request)?.address ?? '', hub.config))
    const tooMany = session
      ? hub.cluster.countSockets(session.userId) >= maxSocketsPerUser
      : hub.sockets.anonymousAt(address) >= hub.config.ws.maxAnonymousPerIp
    if (tooMany)
      return refuse(429, 'rate_limited', session ? 'This user has too many open sockets' : 'Too many anonymous sockets', {
        'Retry-After': retryAfterSeconds,
      })
    const connection = upgrades.create(address, session)
    // Counted at once: `open` may come a turn of the loop later.
    hub.sockets.add(connection)
    const offered = headers.has('sec-websocket-protocol')
    if (server.upgrade(request, { data: connection, ...(offered && { headers: { 'Sec-WebSocket-Protocol': subprotocol } }) })) return undefined
    hub.sockets.remove(connection)
    return refuse(400, 'bad_request', 'This is not a WebSocket upgrade')
  } catch (error) {
    logger.error({ err: error }, 'websocket: an upgrade could not be judged')
    return refuse(503, 'unavailable', 'The service is not available right now', { 'Retry-After': retryAfterSeconds })
  } finally {
    release()
  }
}

/** What RFC 6455 §4.2.1 asks of the request; Bun would let some of it pass. HTTP/1.0 cannot be told from 1.1 here. */
function judgeForm(request: Request): Refusal | undefined {
  const { headers, url } = request
  if (url.includes('?') && carriesCredential(new URL(url))) {
    return refuse(400, 'credential_in_url', 'Send credentials in headers or in a message, never in a URL')
  }
  if (request.method !== 'GET') return refuse(405, 'method_not_allowed', 'This method is not allowed here', { Allow: 'GET' })
  if (!hasToken(headers, 'upgrade', 'websocket'))
    return refuse(426, 'bad_request', 'This path speaks WebSocket', { Upgrade: 'websocket', Connection: 'Upgrade' })
  if (!hasToken(headers, 'connection', 'upgrade')) return refuse(400, 'bad_request', 'Connection: Upgrade is missing')
  if (headers.get('sec-websocket-version') !== '13')
    return refuse(426, 'bad_request', 'The version of the protocol is 13', { 'Sec-WebSocket-Version': '13' })
  const host = headers.get('host')
  if (!host || host.includes(',')) return refuse(400, 'bad_request', 'One Host header is needed')
  const offered = headers.get('sec-websocket-protocol')
  if (offered !== null && !offered.split(',').some((name) => name.trim() === subprotocol)) {
    return refuse(400, 'bad_request', `The subprotocol is ${subprotocol}`)
  }
  return undefined
}

/** Nearly all clients say nothing but the token. */
function hasToken(headers: Headers, name: string, token: string): boolean {
  const said = (headers.get(name) ?? '').toLowerCase()
  return said === token || said.split(',').some((part) => part.trim() === token)
}

/** Any foreign Origin is refused; a cookie needs one, since the browser sends it whoever wrote the page. */
function judgeOrigin(upgrades: Upgrades, headers: Headers): Refusal | undefined {
  const origin = headers.get('origin')
  const isFine = origin === null ? upgrades.hasCredential(headers) !== 'cookie' : isOwnOrigin(origin, headers, upgrades.hub.config)
  return isFine ? undefined : refuse(403, 'forbidden', 'This Origin may not connect')
}

const refuse = (status: number, code: string, message: string, headers: Record<string, string> = {}): Refusal => ({ status, code, message, headers })

function answer({ status, code, message, headers }: Refusal, requestHeaders: Headers): Response {
  const requestId = requestIdOf(requestHeaders)
  metrics.rejected.inc({ reason: code })
  logger.debug({ requestId, status, code }, 'websocket: upgrade refused')
  return Response.json(
    { success: false, data: null, message, error: { code, requestId } },
    { status, headers: { 'X-Request-Id': requestId, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', ...headers } },
  )
}
