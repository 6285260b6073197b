import { NotSignedIn } from '~/ui/client/errors'
import type { LoggedFrame, Position, SealedFrame } from '~/ui/client/frames'
import type { Identity } from '~/ui/client/options'
import type { CallOptions, ListName, RouteName, Routes, RowOf } from '~/ui/client/rest-routes'
import type { Snapshot } from '~/utils/contracts/snapshot'

export type RestOptions = {
  /** `https://host`; left out, the page's own. */
  baseUrl?: string | undefined
  /** Asked at every request; undefined: the cookie. */
  getToken?: (() => string | undefined | Promise<string | undefined>) | undefined
  /** The WebSocket session, so that a writer knows its own events. */
  getSessionId?: (() => string | null) | undefined
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined
}

/** A success, its envelope taken apart. */
export type Answer<Data> = {
  data: Data
  message: string
  nextCursor: string | null
  /** `X-Stream-Position`, by stream. */
  positions: Record<string, Position>
  /** The server had done this before, for the same `Idempotency-Key`. */
  isReplay: boolean
}

type ErrorDetail = { path: string; message: string }

/** A refusal by the server (`status` and its `code`), or no usable answer at all (`status` 0, `code` `network`). */
export class ApiError extends Error {
  override name = 'ApiError'
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: readonly ErrorDetail[] = [],
    /** From `Retry-After`. */
    readonly retryAfterMs = 0,
  ) {
    super(message)
  }

  /** Whether the same request may succeed later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 401 || this.status === 429 || this.status >= 500 || this.code === 'idempotency_in_progress'
  }
}

type Envelope<Data> = { data: Data; message?: string; meta?: { nextCursor: string | null }; error?: { code: string; details?: ErrorDetail[] } }

/** The REST API by the names of its routes: `rest.call('GET /stores/{storeId}', { params: { storeId } })`. Rejects with `ApiError`. */
export class RestClient {
  readonly #options: RestOptions

  constructor(options: RestOptions = {}) {
    this.#options = options
  }

  async call<R extends RouteName>(route: R, ...[options]: Given<CallOptions<R>>): Promise<Answer<Routes[R]['data']>> {
    const [method = 'GET', template = ''] = route.split(' ')
    const { params, query, body, headers = {}, signal } = loose(options)
    const path = template.replaceAll(/\{(\w+)\}/g, (_part, name: string) => encodeURIComponent(params?.[name] ?? ''))
    return this.#send(method, path + queryOf(query), { headers, body, signal })
  }

  /** Rows of a list, page after page, up to `limit`. The position is that of the first page: the earliest. */
  async readAll<R extends ListName>(route: R, options: CallOptions<R>, limit = Number.POSITIVE_INFINITY): Promise<Rows<RowOf<R>>> {
    const rows: RowOf<R>[] = []
    let positions: Record<string, Position> | undefined
    let cursor: string | null = null
    do {
      const { query, ...rest } = loose(options)
      const page: Answer<RowOf<R>[]> = await this.call(route, ...given<R>({ ...rest, query: { ...query, limit: 100, ...(cursor && { cursor }) } }))
      rows.push(...page.data)
      positions ??= page.positions
      cursor = page.nextCursor
    } while (cursor !== null && rows.length < limit)
    return { rows: rows.slice(0, limit), positions, isComplete: cursor === null && rows.length <= limit }
  }

  async #send<Data>(method: string, path: string, { headers, body, signal }: LooseOptions): Promise<Answer<Data>> {
    const { baseUrl = globalThis.location?.origin ?? '', getToken, getSessionId, fetch = globalThis.fetch } = this.#options
    const token = await getToken?.()
    const sessionId = method === 'GET' ? null : getSessionId?.()
    const response = await fetch(`${baseUrl}/api/v1${path}`, {
      method,
      headers: {
        ...(token && { Authorization: `Bearer ${token}` }),
        ...(sessionId && { 'X-Session-Id': sessionId }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      if (signal?.aborted) throw error
      throw new ApiError(0, 'network', 'The server cannot be reached right now')
    })
    const envelope = await readEnvelope<Data>(response)
    if (!envelope || !response.ok) throw errorOf(response, envelope)
    return {
      data: envelope.data,
      message: envelope.message ?? '',
      nextCursor: envelope.meta?.nextCursor ?? null,
      positions: positionsIn(response.headers.get('x-stream-position')),
      isReplay: response.headers.get('idempotent-replayed') === 'true',
    }
  }

  // For the WebSocket client

  /** The signed-in user and, unless told otherwise, the one store that the user belongs to. Throws `NotSignedIn`. */
  async identify(storeId?: string | null): Promise<Identity> {
    try {
      const { data } = await this.call('GET /auth/session')
      const [only, ...others] = data.stores
      const inferred = only && others.length === 0 ? only.storeId : undefined
      return { userId: data.user.id, storeId: storeId === undefined ? inferred : storeId, credential: await this.#options.getToken?.() }
    } catch (error) {
      throw error instanceof ApiError && error.status === 401 ? new NotSignedIn(error.message) : error
    }
  }

  readonly fetchSnapshot = async (storeId: string): Promise<Snapshot> =>
    (await this.call('GET /stores/{storeId}/snapshot', { params: { storeId } })).data

  /** A sealed event of a store from the log, where REST answers it open; undefined for a user's own stream. */
  readonly readSealed = async ({ storeId, epoch, seq }: SealedFrame): Promise<LoggedFrame | undefined> => {
    if (storeId === undefined) return undefined
    const query = { after: seq - 1, epoch, limit: 1 }
    const { data } = await this.call('GET /stores/{storeId}/events', { params: { storeId }, query })
    return data.find((event) => event.seq === seq)
  }
}

export type Rows<Row> = {
  rows: Row[]
  positions: Record<string, Position>
  /** There are no more rows than these. */
  isComplete: boolean
}

/** The options may be left out where nothing in them is required. */
type Given<Options> = object extends Options ? [options?: Options] : [options: Options]

type LooseOptions = {
  params?: Record<string, string> | undefined
  query?: Record<string, unknown> | undefined
  body?: unknown
  headers?: Record<string, string> | undefined
  signal?: AbortSignal | undefined
}

/** The options of any route have this form. */
const loose = (options: unknown) => (options ?? {}) as LooseOptions
/** Options of a list with other page parameters are options of that list. */
const given = <R extends RouteName>(options: LooseOptions) => [options] as unknown as Given<CallOptions<R>>

function queryOf(query: Record<string, unknown> = {}): string {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries.map(([name, value]) => [name, String(value)]))}`
}

/** Anything else than the API's envelope (a proxy's page, a cut answer) counts as no answer. */
async function readEnvelope<Data>(response: Response): Promise<Envelope<Data> | undefined> {
  try {
    return (await response.json()) as Envelope<Data>
  } catch {
    return undefined
  }
}

function errorOf(response: Response, envelope: Envelope<unknown> | undefined): ApiError {
  if (!envelope?.error) return new ApiError(response.ok ? 0 : response.status, 'network', 'The server gave no usable answer')
  const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1000
  return new ApiError(response.status, envelope.error.code, envelope.message ?? '', envelope.error.details, retryAfterMs || 0)
}

/** `store:<id>=<epoch>:<seq>, …` of X-Stream-Position. */
function positionsIn(header: string | null): Record<string, Position> {
  const matches = (header ?? '').matchAll(/([a-z]+:[^=,\s]+)=([A-Za-z0-9_.-]+):(\d+)/g)
  return Object.fromEntries([...matches].map(([, stream = '', epoch = '', seq]) => [stream, { epoch, seq: Number(seq) }]))
}
