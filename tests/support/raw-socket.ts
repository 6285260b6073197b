import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { noteFrame } from './frames'

/**
 * A WebSocket client on bare TCP (RFC 6455), for what a well-behaved one would never do: leave pings unanswered, stop
 * reading, vanish without a word, send broken frames.
 */

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export type RawHandlers = {
  onText(text: string): void
  /** The close code that was received; 1006 when the connection just ended. */
  onClose(code: number): void
  onPing?(): void
  /** From the first one on; true when left out. */
  answersPings?: boolean
}

export class RawSocket {
  answersPings: boolean
  /** Protocol pings received. */
  pings = 0
  /** The payloads of protocol pongs received. */
  readonly pongs: string[] = []
  private pending: Buffer[] = []
  private pendingBytes = 0
  private closeCode: number | undefined
  private isGone = false

  private constructor(
    private readonly socket: Socket,
    private readonly handlers: RawHandlers,
  ) {
    this.answersPings = handlers.answersPings ?? true
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('error', () => {})
    socket.on('close', () => this.gone(this.closeCode ?? 1006))
  }

  /** Resolves when the upgrade succeeded; rejects with its status, or when the connection cannot be made. */
  static open(port: number, handlers: RawHandlers, headers: Record<string, string> = {}): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      const all = {
        Host: `127.0.0.1:${port}`,
        Upgrade: 'websocket',
        Connection: 'Upgrade',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
        ...headers,
      }
      const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.on('connect', () => socket.write(`GET /ws HTTP/1.1\r\n${lines.join('')}\r\n`))
      socket.once('error', reject)
      const early = () => reject(new Error('the connection ended before the upgrade'))
      socket.once('close', early)
      let answer = Buffer.alloc(0)
      const onData = (chunk: Buffer) => {
        answer = Buffer.concat([answer, chunk])
        const end = answer.indexOf('\r\n\r\n')
        if (end < 0) return
        socket.off('data', onData)
        socket.off('close', early)
        const status = answer.toString('latin1', 9, 12)
        if (status !== '101') {
          socket.destroy()
          return reject(new Error(`the upgrade was answered ${status}`))
        }
        const raw = new RawSocket(socket, handlers)
        resolve(raw)
        // The frames that came with the answer wait for whoever awaits the socket.
        queueMicrotask(() => raw.take(answer.subarray(end + 4)))
      }
      socket.on('data', onData)
    })
  }

  get isOpen(): boolean {
    return !this.isGone
  }

  /** A message of the contract; whatever else a client might send goes by `sendFrame` or `sendBytes`. */
  send(message: Record<string, unknown>): void {
    noteFrame('client', message)
    this.sendFrame(opcodes.text, Buffer.from(JSON.stringify(message)))
  }

  /** A masked frame, whatever its payload; `isFinal: false` leaves the message open. */
  sendFrame(opcode: number, payload: Uint8Array, isFinal = true): void {
    if (this.isGone) return
    const length = payload.length
    const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8
    const head = Buffer.alloc(2 + extended)
    head[0] = (isFinal ? 0x80 : 0) | opcode
    head[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127)
    if (extended === 2) head.writeUInt16BE(length, 2)
    if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2)
    const mask = randomBytes(4)
    const masked = Buffer.from(payload)
    for (let index = 0; index < length; index++) masked[index] = (masked[index] ?? 0) ^ (mask[index & 3] ?? 0)
    this.socket.write(Buffer.concat([head, mask, masked]))
  }

  /** Bytes that need not be a frame at all. */
  sendBytes(bytes: Uint8Array): void {
    if (!this.isGone) this.socket.write(bytes)
  }

  /** Reads nothing from now on: the receive window fills up. */
  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  /** Says goodbye with 1000. */
  close(): void {
    this.sendFrame(opcodes.close, Buffer.from([0x03, 0xe8]))
  }

  /** Vanishes. */
  cut(): void {
    this.socket.destroy()
    this.gone(1006)
  }

  private gone(code: number): void {
    if (this.isGone) return
    this.isGone = true
    this.handlers.onClose(code)
  }

  private take(chunk: Buffer): void {
    this.pending.push(chunk)
    this.pendingBytes += chunk.length
    for (let frame = this.nextFrame(); frame && !this.isGone; frame = this.nextFrame()) this.handle(frame.opcode, frame.payload)
  }

  /** Servers do not mask, and this one does not fragment. */
  private nextFrame(): { opcode: number; payload: Buffer } | null {
    const head = this.peek(10)
    if (head.length < 2) return null
    const short = (head[1] ?? 0) & 0x7f
    const headLength = short < 126 ? 2 : short === 126 ? 4 : 10
    if (head.length < headLength) return null
    const length = short < 126 ? short : short === 126 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2))
    if (this.pendingBytes < headLength + length) return null
    const all = this.pending.length === 1 && this.pending[0] ? this.pending[0] : Buffer.concat(this.pending)
    const rest = all.subarray(headLength + length)
    this.pending = rest.length > 0 ? [rest] : []
    this.pendingBytes = rest.length
    return { opcode: (head[0] ?? 0) & 0x0f, payload: all.subarray(headLength, headLength + length) }
  }

  private peek(bytes: number): Buffer {
    const [first] = this.pending
    if (!first) return Buffer.alloc(0)
    return first.length >= bytes || this.pending.length === 1 ? first.subarray(0, bytes) : Buffer.concat(this.pending).subarray(0, bytes)
  }

  private takeText(text: string): void {
    noteFrame('server', JSON.parse(text))
    this.handlers.onText(text)
  }

  private handle(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.text) this.takeText(payload.toString())
    else if (opcode === opcodes.ping) {
      this.pings += 1
      this.handlers.onPing?.()
      if (this.answersPings) this.sendFrame(opcodes.pong, payload)
    } else if (opcode === opcodes.pong) this.pongs.push(payload.toString())
    else if (opcode === opcodes.close) {
      this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
      this.sendFrame(opcodes.close, payload.subarray(0, 2))
      this.socket.end()
    }
  }
}
