import { RawSocket } from './raw-socket'
import type { Frame } from './socket'

/** A bare socket with what it was sent, and a way to wait for more of it. */
export class RawClient {
  readonly frames: Frame[] = []
  readonly closed: Promise<number>
  private raw: RawSocket | undefined
  private closeCode: number | undefined
  private waiting: { fits(frame: Frame): boolean; resolve(frame: Frame): void; reject(error: Error): void }[] = []

  private constructor(private readonly closing: PromiseWithResolvers<number>) {
    this.closed = closing.promise
  }

  static async open(port: number, token?: string, answersPings = true): Promise<RawClient> {
    const client = new RawClient(Promise.withResolvers())
    const handlers = { answersPings, onText: (text: string) => client.take(JSON.parse(text)), onClose: (code: number) => client.end(code) }
    client.raw = await RawSocket.open(port, handlers, token === undefined ? {} : { Authorization: `Bearer ${token}` })
    return client
  }

  get socket(): RawSocket {
    if (!this.raw) throw new Error('the socket is not open')
    return this.raw
  }

  /** The first frame that fits, of those that came and of those to come until the end; the test's own timeout bounds the wait. */
  next(fits: (frame: Frame) => boolean): Promise<Frame> {
    const known = this.frames.find(fits)
    if (known) return Promise.resolve(known)
    if (this.closeCode !== undefined) return Promise.reject(this.endError())
    return new Promise((resolve, reject) => this.waiting.push({ fits, resolve, reject }))
  }

  /** Sends a message with an id of its own; answers the reply. */
  ask(message: Record<string, unknown>): Promise<Frame> {
    const id = crypto.randomUUID()
    this.socket.send({ ...message, id })
    return this.next((frame) => frame.data?.replyTo === id)
  }

  /** Authenticates and waits until the streams are live; answers the confirmation's data. */
  async authenticate(data: Record<string, unknown>): Promise<Frame> {
    const answer = await this.ask({ type: 'authenticate', data })
    if (answer.type === 'error') throw new Error(`authenticate: ${answer.data.code}`)
    await this.next((frame) => frame.type === 'sync' && frame.data.live === true)
    return answer.data
  }

  /** Logged events of one stream, in arrival order. */
  events(stream: string): Frame[] {
    return this.frames.filter((frame) => frame.stream === stream)
  }

  private endError(): Error {
    return new Error(`closed with ${this.closeCode} after ${this.frames.map((frame) => frame.type).join(', ') || 'nothing'}`)
  }

  private end(code: number): void {
    this.closeCode = code
    this.closing.resolve(code)
    for (const { reject } of this.waiting) reject(this.endError())
    this.waiting = []
  }

  private take(frame: Frame): void {
    this.frames.push(frame)
    const met = this.waiting.filter(({ fits }) => fits(frame))
    this.waiting = this.waiting.filter((waiter) => !met.includes(waiter))
    for (const { resolve } of met) resolve(frame)
  }
}
