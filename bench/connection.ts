/** HTTP as a load client speaks it: keep-alive on bare TCP, what is sent made ahead. */

export type Answer = { status: string; body: Buffer }

/** One connection; `request` sends bytes and resolves with the answer, which needs a Content-Length. */
export class Connection {
  private pending: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
  private received: Buffer = Buffer.alloc(0)
  private socket: { write(bytes: Uint8Array): number; end(): void } | undefined

  static async open(port: number): Promise<Connection> {
    const connection = new Connection()
    connection.socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_, chunk) => connection.receive(chunk),
        close: () => connection.pending?.reject(new Error('the server closed the connection')),
        error: (_, error) => connection.pending?.reject(error),
      },
    })
    return connection
  }

  request(bytes: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject }
      const written = this.socket?.write(bytes)
      if (written !== bytes.length) reject(new Error('a request did not fit into the socket at once'))
    })
  }

  end(): void {
    this.pending = undefined
    this.socket?.end()
  }

  private receive(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk])
    const headEnd = this.received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.received.toString('latin1', 0, headEnd)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
    const end = headEnd + 4 + length
    if (this.received.length < end) return
    const answer = { status: head.slice(9, 12), body: Buffer.from(this.received.subarray(headEnd + 4, end)) }
    this.received = this.received.subarray(end)
    this.pending?.resolve(answer)
  }
}

export const post = (path: string, token: string, body: string) =>
  Buffer.from(
    [
      `POST ${path} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )

export const get = (path: string, token: string) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`)

/** The first id of an order's JSON is its own; parsing all of it would cost the client more than the server may. */
export function idOf(body: Buffer): string {
  const at = body.indexOf('"id":"')
  return body.toString('latin1', at + 6, at + 42)
}
