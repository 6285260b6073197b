/** REST as the console uses it: same origin, the session's cookie, the envelope taken apart. */

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

type Envelope<T> = { data: T; message: string; meta?: { nextCursor: string | null }; error?: { code: string; details?: ApiError['details'] } }

export type RequestOptions = { body?: unknown; headers?: Record<string, string> }

/** Resolves with the envelope of a success; throws an `ApiError` for everything else. */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<Envelope<T>> {
  const headers = new Headers(options.headers)
  if (options.body !== undefined) headers.set('Content-Type', 'application/json')
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, { method, headers, ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }) })
  } catch {
    throw new ApiError(0, 'network', 'The server cannot be reached right now')
  }
  const envelope = await readEnvelope<T>(response)
  if (response.ok && envelope) return envelope
  throw new ApiError(
    response.status,
    envelope?.error?.code ?? 'unknown',
    envelope?.message ?? 'The server gave no usable answer',
    envelope?.error?.details,
  )
}

/** Anything else than the API's envelope (a proxy's page, a cut answer) counts as no answer. */
async function readEnvelope<T>(response: Response): Promise<Envelope<T> | null> {
  try {
    return (await response.json()) as Envelope<T>
  } catch {
    return null
  }
}
