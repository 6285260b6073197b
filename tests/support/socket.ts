import { CheckedWebSocket } from './checked-websocket'
import { requireNoFaults } from './faults'
import { noteClosed, noteOpen } from './open-sockets'
import { testServer } from './server'

/**
 * A WebSocket client for tests that waits for frames by name and proves silence by a ping and its pong. What is wrong on
 * purpose is sent by `sendText`: everything else is held against AsyncAPI.
 */

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever came; a wrong shape fails the assertion
export type Frame = any
type Match = string | ((frame: Frame) => boolean)

export class TestSocket {
  readonly frames: Frame[] = []
  closed: { code: number; reason: string } | undefined
  private taken = new Set<Frame>()
  private waiting = new Set<() => void>()

  private constructor(private readonly socket: CheckedWebSocket) {
    socket.addEventListener('message', (event) => {
      const frame: Frame = JSON.parse(String(event.data))
      this.frames.push(frame)
      this.wake()
    })
    socket.addEventListener('close', (event) => {
      this.closed = { code: event.code, reason: event.reason }
      noteClosed(this)
      this.wake()
    })
  }

  /** Resolves when the socket is open; rejects when the upgrade is refused. */
  static async open(options: { token?: string; headers?: Record<string, string>; url?: string } = {}): Promise<TestSocket> {
    const headers = { ...(options.token && { Authorization: `Bearer ${options.token}` }), ...options.headers }
    const socket = new CheckedWebSocket(options.url ?? (await testServer()).ws, { headers } as unknown as string[])
    const client = new TestSocket(socket)
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve(), { once: true })
      socket.addEventListener('error', () => reject(new Error('the upgrade was refused')), { once: true })
    })
    noteOpen(client)
    return client
  }

  send(message: Record<string, unknown>): void {
    this.socket.send(JSON.stringify(message))
  }

  sendText(text: string): void {
    this.socket.sendUnchecked(text)
  }

  close(code = 1000): void {
    this.socket.close(code)
  }

  /** Closes and waits for the answer, but not for that of a server that has stopped to answer. */
  async end(): Promise<void> {
    this.close()
    await this.closeCode(2000).catch(() => {})
    noteClosed(this)
  }

  private wake(): void {
    for (const resume of [...this.waiting]) resume()
  }

  private async until<T>(find: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      requireNoFaults()
      const found = find()
      if (found !== undefined) return found
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) throw new Error(`${what} did not come; got ${this.frames.map((frame) => frame.type).join(', ') || 'nothing'}`)
      await new Promise<void>((resolve) => {
        const wakeUp = () => {
          clearTimeout(timer)
          this.waiting.delete(wakeUp)
          resolve()
        }
        const timer = setTimeout(wakeUp, leftMs)
        this.waiting.add(wakeUp)
      })
    }
  }

  /** The first frame not yet taken that matches. */
  async next(match: Match, timeoutMs = 5000): Promise<Frame> {
    const fits = typeof match === 'string' ? (frame: Frame) => frame.type === match : match
    const frame = await this.until(() => this.frames.find((candidate) => !this.taken.has(candidate) && fits(candidate)), String(match), timeoutMs)
    this.taken.add(frame)
    return frame
  }

  all(type: string): Frame[] {
    return this.frames.filter((frame) => frame.type === type)
  }

  /** Logged events of one stream, in arrival order. */
  events(stream: string): Frame[] {
    return this.frames.filter((frame) => frame.stream === stream)
  }

  /** Authenticates and waits until the subscriptions are live; answers the confirmation's data. */
  async authenticate(data: Record<string, unknown>): Promise<Frame> {
    const id = crypto.randomUUID()
    this.send({ type: 'authenticate', id, data })
    const answer = await this.next((frame) => frame.data?.replyTo === id)
    if (answer.type === 'error') throw new Error(`authenticate: ${answer.data.code} ${answer.data.message}`)
    await this.next((frame) => frame.type === 'sync' && frame.data.live === true)
    return answer.data
  }

  /** Everything sent before this call was handled and its answers have arrived: frames keep their order. */
  async settled(): Promise<void> {
    const id = crypto.randomUUID()
    this.send({ type: 'ping', id })
    await this.next((frame) => frame.type === 'pong' && frame.data?.replyTo === id)
  }

  closeCode(timeoutMs = 5000): Promise<number> {
    return this.until(() => this.closed?.code, 'a close', timeoutMs)
  }
}
