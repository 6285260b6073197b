import { learnServerTime } from '~/ui/console/model/clock'

/** REST as the console uses it: same origin, the session's cookie or a device's token, the envelope taken apart. */

export class ApiError extends Error {
  override name = 'ApiError'
  constructor(
    /** 0: no answer came. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: { path: string; message: string }[] = [],
  ) {
    super(message)
  }
}

type Body<T> = { data: T; message: string; meta?: { nextCursor: string | null }; error?: { code: string; details?: ApiError['details'] } }
export type Answer<T> = Body<T> & {
  /** `X-Stream-Position` as it came. */
  position: string | null
}

export type RequestOptions = { body?: unknown; headers?: Record<string, string> }

let bearer: string | null = null
let socketSession: string | null = null
let onSignedOut = () => {}

export function setBearer(token: string | null): void {
  bearer = token
}

/** The page's own WebSocket session: put into the events of its writes. */
export function setSocketSession(sessionId: string | null): void {
  socketSession = sessionId
}

/** Called when the server says that the session is gone. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener
}

/** Resolves with the envelope of a success; throws an `ApiError` for everything else. */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<T>> {
  const headers = new Headers(options.headers)
  if (bearer) headers.set('Authorization', `Bearer ${bearer}`)
  if (socketSession) headers.set('X-Session-Id', socketSession)
  if (options.body !== undefined) headers.set('Content-Type', 'application/json')
  const askedAt = Date.now()
  const response = await send(`/api/v1${path}`, { method, headers, ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }) })
  learnServerTime(response.headers.get('date'), askedAt)
  const body = await readBody<T>(response)
  if (response.ok && body) return { ...body, position: response.headers.get('x-stream-position') }
  if (response.status === 401 && !path.startsWith('/auth/')) onSignedOut()
  throw new ApiError(response.status, body?.error?.code ?? 'unknown', body?.message ?? 'The server gave no usable answer', body?.error?.details)
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch {
    throw new ApiError(0, 'network', 'The server cannot be reached right now')
  }
}

/** Anything else than the API's envelope (a proxy's page, a cut answer) counts as no answer. */
async function readBody<T>(response: Response): Promise<Body<T> | null> {
  try {
    return (await response.json()) as Body<T>
  } catch {
    return null
  }
}

/** All pages of a list. */
export async function readAll<T>(path: string): Promise<T[]> {
  const rows: T[] = []
  let cursor: string | null = null
  do {
    const separator = path.includes('?') ? '&' : '?'
    const answer: Answer<T[]> = await request<T[]>('GET', `${path}${separator}limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`)
    rows.push(...answer.data)
    cursor = answer.meta?.nextCursor ?? null
  } while (cursor)
  return rows
}

/** `store:<id>=<epoch>:<seq>` of X-Stream-Position, for one stream. */
export function positionIn(header: string | null, stream: string): { epoch: string; seq: number } | undefined {
  const entry = (header ?? '').split(',').find((part) => part.trim().startsWith(`${stream}=`))
  const match = /=([A-Za-z0-9_.-]+):(\d+)$/.exec(entry?.trim() ?? '')
  return match?.[1] ? { epoch: match[1], seq: Number(match[2]) } : undefined
}
