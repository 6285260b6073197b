import { noteSecrets } from './secrets'
import { testServer } from './server'

/** A REST client for tests: every answer with its envelope taken apart. */

export type Answer<Data = unknown> = {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever came; a wrong shape fails the assertion
  body: any
  data: Data
  code: string | undefined
}

export type RequestOptions = { body?: unknown; rawBody?: string; headers?: Record<string, string> }

export class ApiClient {
  constructor(
    readonly server: { base: string; api: string },
    readonly token?: string,
  ) {}

  // biome-ignore lint/suspicious/noExplicitAny: as above
  async request<Data = any>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<Data>> {
    const headers = new Headers(options.headers)
    if (this.token) headers.set('Authorization', `Bearer ${this.token}`)
    const body = options.rawBody ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
    if (body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
    const response = await fetch(path.startsWith('/api') || path.startsWith('/health') ? this.server.base + path : this.server.api + path, {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    })
    const text = await response.text()
    const parsed = text.startsWith('{') ? JSON.parse(text) : undefined
    noteSecrets([options.body, parsed, { token: this.token }])
    return { status: response.status, headers: response.headers, body: parsed, data: parsed?.data, code: parsed?.error?.code }
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above
  get = <Data = any>(path: string, options?: RequestOptions) => this.request<Data>('GET', path, options)
  // biome-ignore lint/suspicious/noExplicitAny: as above
  post = <Data = any>(path: string, body?: unknown, options?: RequestOptions) => this.request<Data>('POST', path, { ...options, body })
  // biome-ignore lint/suspicious/noExplicitAny: as above
  patch = <Data = any>(path: string, body: unknown, options?: RequestOptions) => this.request<Data>('PATCH', path, { ...options, body })
  // biome-ignore lint/suspicious/noExplicitAny: as above
  delete = <Data = any>(path: string, options?: RequestOptions) => this.request<Data>('DELETE', path, options)
}

export const anonymous = async () => new ApiClient(await testServer())

/** `store:<id>=<epoch>:<seq>` of X-Stream-Position, for one stream. */
export function positionOf(answer: Answer, stream: string): { epoch: string; seq: number } {
  const entry = (answer.headers.get('x-stream-position') ?? '').split(', ').find((part) => part.startsWith(`${stream}=`))
  const match = /=(.+):(\d+)$/.exec(entry ?? '')
  if (!match?.[1]) throw new Error(`no position of ${stream} in "${answer.headers.get('x-stream-position')}"`)
  return { epoch: match[1], seq: Number(match[2]) }
}
