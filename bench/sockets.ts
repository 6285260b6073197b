import { maskedFrame, upgradeOf } from './handshake'

/**
 * Many WebSocket clients in one process, on bare TCP, so that they cost less than what they measure: frames are counted
 * by their heads and never decoded. Commands and answers come and go by IPC.
 */

export type SocketGroup = { count: number; userId: string; token: string; storeId: string }
export type SocketCommand =
  /** Opens the sockets and waits until each has got so many frames; with groups they authenticate, and may resume. */
  | { kind: 'open'; port: number; groups: SocketGroup[]; framesEach: number; resume?: Record<string, { epoch: string; seq: number }> }
  /** All frames since the start, and the sockets that are open. */
  | { kind: 'count' }
  /** Cuts all sockets without a word. */
  | { kind: 'cut' }
export type SocketAnswer = { frames: number; bytes: number; open: number; tookMs: number; first: string }

const opening = 200

class Client {
  frames = 0
  bytes = 0
  /** The first frames' text, of the first client only. */
  text = ''
  private isUpgraded = false
  private skip = 0
  private head = Buffer.alloc(0)
  private socket: Bun.Socket | undefined
  private wanted = { frames: 0, resolve: () => {} }

  constructor(private readonly keepsText: boolean) {}

  async open(port: number, group: SocketGroup | undefined, resume: object | undefined, framesEach: number): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.wanted = { frames: framesEach, resolve }
      Bun.connect({
        hostname: '127.0.0.1',
        port,
        socket: {
          open: (socket) => {
            this.socket = socket
            socket.write(upgradeOf(port, group?.token))
          },
          data: (socket, chunk) => this.take(socket, chunk, group, resume),
          close: () => {
            this.socket = undefined
            reject(new Error('the server closed a socket'))
          },
        },
      }).catch(reject)
    })
    await done
  }

  get isOpen(): boolean {
    return this.socket !== undefined
  }

  cut(): void {
    this.wanted.resolve()
    this.socket?.terminate()
  }

  private take(socket: Bun.Socket, chunk: Buffer, group: SocketGroup | undefined, resume: object | undefined): void {
    let at = 0
    if (!this.isUpgraded) {
      const end = chunk.indexOf('\r\n\r\n')
      if (!chunk.toString('latin1', 0, 12).startsWith('HTTP/1.1 101') || end < 0) throw new Error(`refused: ${chunk.toString('latin1', 0, 300)}`)
      this.isUpgraded = true
      at = end + 4
      if (group) socket.write(maskedFrame(JSON.stringify({ type: 'authenticate', data: { userId: group.userId, storeId: group.storeId, resume } })))
    }
    this.bytes += chunk.length - at
    if (this.keepsText && this.text.length < 20_000) this.text += chunk.toString('latin1', at)
    while (at < chunk.length) at = this.skip > 0 ? this.skipPayload(chunk, at) : this.readHead(chunk, at)
    if (this.frames >= this.wanted.frames) this.wanted.resolve()
  }

  private skipPayload(chunk: Buffer, at: number): number {
    const step = Math.min(this.skip, chunk.length - at)
    this.skip -= step
    if (this.skip === 0) this.frames += 1
    return at + step
  }

  /** A head may be split over chunks; servers do not mask. */
  private readHead(chunk: Buffer, at: number): number {
    const before = this.head.length
    const view = before === 0 ? chunk.subarray(at, at + 10) : Buffer.concat([this.head, chunk.subarray(at, at + 10)])
    const short = (view[1] ?? 0) & 127
    const length = short < 126 ? 2 : short === 126 ? 4 : 10
    if (view.length < 2 || view.length < length) {
      this.head = Buffer.from(view)
      return chunk.length
    }
    this.head = Buffer.alloc(0)
    this.skip = short < 126 ? short : short === 126 ? view.readUInt16BE(2) : Number(view.readBigUInt64BE(2))
    // Pings and other control frames are not counted.
    if (((view[0] ?? 0) & 8) !== 0) this.frames -= 1
    if (this.skip === 0) this.frames += 1
    return at + length - before
  }
}

let clients: Client[] = []

async function openAll(command: SocketCommand & { kind: 'open' }): Promise<void> {
  const groups = command.groups.flatMap((group) => Array.from({ length: group.count }, () => group))
  clients = groups.map((_, index) => new Client(index === 0))
  let next = 0
  await Promise.all(
    Array.from({ length: opening }, async () => {
      for (let index = next++; index < groups.length; index = next++) {
        const group = groups[index]
        await clients[index]?.open(command.port, group?.token ? group : undefined, command.resume, command.framesEach)
      }
    }),
  )
}

async function perform(command: SocketCommand): Promise<SocketAnswer> {
  const startedAt = performance.now()
  if (command.kind === 'open') await openAll(command)
  if (command.kind === 'cut') for (const client of clients) client.cut()
  const tookMs = performance.now() - startedAt
  let [frames, bytes, open] = [0, 0, 0]
  for (const client of clients) {
    frames += client.frames
    bytes += client.bytes
    if (client.isOpen) open += 1
  }
  return { frames, bytes, open, tookMs, first: clients[0]?.text ?? '' }
}

if (import.meta.main) {
  process.on('message', async (command: SocketCommand) => {
    try {
      process.send?.(await perform(command))
    } catch (error) {
      process.send?.({ error: String(error) })
    }
  })
  process.on('disconnect', () => process.exit(0))
}
