/** A caller of the REST API: one token, one base URL. */

export class ApiFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

export class ApiCaller {
  constructor(
    private readonly base: string,
    readonly token?: string,
  ) {}

  as(token: string): ApiCaller {
    return new ApiCaller(this.base, token)
  }

  get<Data>(path: string): Promise<Data> {
    return this.send<Data>('GET', path)
  }

  post<Data>(path: string, body: object): Promise<Data> {
    return this.send<Data>('POST', path, body)
  }

  patch<Data>(path: string, body: object): Promise<Data> {
    return this.send<Data>('PATCH', path, body)
  }

  /** Answers the envelope's `data`; throws `ApiFailure` for every failure. */
  private async send<Data>(method: string, path: string, body?: object): Promise<Data> {
    const response = await fetch(`${this.base}${path}`, {
      method,
      headers: { ...(this.token && { Authorization: `Bearer ${this.token}` }), ...(body && { 'Content-Type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const envelope = envelopeOf<Data>(await response.json())
    if (!envelope.success) throw failureOf(method, path, envelope)
    return envelope.data
  }
}

type Failure = { success: false; message: string; error: { code: string; details?: { path: string; message: string }[] } }
type Envelope<Data> = { success: true; data: Data } | Failure

function failureOf(method: string, path: string, { message, error }: Failure): ApiFailure {
  const details = (error.details ?? []).map((detail) => `${detail.path} ${detail.message}`)
  return new ApiFailure(error.code, `${method} ${path}: ${[message, ...details].join('; ')}`)
}

/** The server's own contract tests vouch for the form of its answers. */
const envelopeOf = <Data>(json: unknown) => json as Envelope<Data>
