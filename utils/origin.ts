import type { Config } from '~/utils/config'

/** Who is asking, and how: the address for limits, whether a browser's Origin is one of ours, what a URL must not hold. Shared by REST and `/ws`. */

type OriginConfig = Pick<Config, 'corsOrigins' | 'isProduction' | 'trustedProxyHops' | 'port' | 'ws'>

/**
 * The client's address: the peer, or behind `TRUST_PROXY` hops the entry that the outermost trusted proxy appended to
 * X-Forwarded-For.
 */
export function clientAddress(headers: Headers, peerAddress: string, config: OriginConfig): string {
  return forwarded(headers, 'x-forwarded-for', config) ?? peerAddress
}

/** The entry that the outermost trusted proxy appended; null without proxies, or when they say nothing. */
function forwarded(headers: Headers, name: string, config: OriginConfig): string | null {
  if (config.trustedProxyHops === 0) return null
  const entries = (headers.get(name) ?? '').split(',').map((entry) => entry.trim())
  return (entries.at(-config.trustedProxyHops) ?? entries[0]) || null
}

/** The unit that limits count: an IPv4 address, or the /64 of an IPv6 one, since a host owns all of that. */
export function limitKey(given: string): string {
  // Some proxies write the port beside the address.
  const address = /^\[(.+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(given)?.slice(1).find(Boolean) ?? given
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1]) return mapped[1]
  if (!address.includes(':')) return address
  const [head = '', tail] = address.toLowerCase().split('%')[0]?.split('::') ?? []
  const left = head.split(':').filter(Boolean)
  const right = tail?.split(':').filter(Boolean) ?? []
  const groups = tail === undefined ? left : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

const isLoopback = (hostname: string) => /^(.+\.)?localhost$|^127\.\d+\.\d+\.\d+$|^\[::1\]$/.test(hostname)

/**
 * Whether a browser page of `origin` may act with the user's cookie: this host (host and port compared; the scheme is
 * not, TLS may end before us), where the hub has a port of its own this hostname on `PORT`, a configured origin, or outside
 * production any loopback one.
 */
export function isOwnOrigin(origin: string, headers: Headers, config: OriginConfig): boolean {
  if (config.corsOrigins.includes(origin)) return true
  if (!URL.canParse(origin)) return false
  const url = new URL(origin)
  if (url.origin !== origin) return false
  if (!config.isProduction && isLoopback(url.hostname)) return true
  const host = forwarded(headers, 'x-forwarded-host', config) ?? headers.get('host')
  if (!host) return false
  // An Origin leaves the default port out; a Host may do either.
  const candidates = [`http://${host}`, `https://${host}`].filter((candidate) => URL.canParse(candidate)).map((candidate) => new URL(candidate))
  return candidates.some((own) => url.host === own.host || (config.ws.port !== undefined && url.host === `${own.hostname}:${config.port}`))
}

const credentialParameters = ['token', 'access_token', 'ticket', 'password']

/** A credential in a URL ends up in logs and histories. */
export const carriesCredential = ({ searchParams }: URL): boolean => credentialParameters.some((name) => searchParams.has(name))

/** Nearly all requests name the host of the one before. */
let lastSaneHost: string | undefined

/** One host, perhaps with a port (RFC 9112 §3.2; Bun joins several by a comma). Only HTTP/1.0 comes here without any. */
export function hasSaneHost(headers: Headers): boolean {
  const host = headers.get('host')
  if (host === null || host === lastSaneHost) return true
  if (!/^(\[[0-9a-f:.]+\]|[\w.~-]+)(:\d{1,5})?$/i.test(host) || !URL.canParse(`http://${host}`)) return false
  lastSaneHost = host
  return true
}
