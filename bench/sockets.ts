import { maskedPong, upgradeOf } from './handshake'
import { engineIoPong, type Positions, type SocketGroup, type WireName, wires } from './wires'

/**
 * Many WebSocket clients in one process, on bare TCP, so that they cost less than what they measure: frames are counted
 * by their heads and never decoded. Commands and answers come and go by IPC.
 */

export type { SocketGroup } from './wires'
export type OpenCommand = {
  kind: 'open'
  port: number
  /** The server's addresses, taken in turns: a client has only so many ports for each. */
  hosts?: string[]
  groups: SocketGroup[]
  framesEach: number
  resume?: Positions
  wire?: WireName
  /** Once open, the sockets are read so often, and not whenever something comes: no send has to wake this process. */
  readEveryMs?: number
}
export type SocketCommand =
  /** Opens the sockets and waits until each has got so many frames; with groups they authenticate, and may resume. */
  | OpenCommand
  /** Everything since the start, and the sockets that are open. */
  | { kind: 'count' }
  /** Cuts all sockets without a word. */
  | { kind: 'cut' }
/** `events` since the sockets are open: frames too long to be of the protocol; `fewest` and `most` of one socket. */
export type SocketAnswer = { frames: number; events: number; fewest: number; most: number; bytes: number; open: number; tookMs: number }

const opening = 200
/** The frames of the protocol itself are shorter, once a socket is open. */
const leastEventBytes = 380

class Client {
  frames = 0
  events = 0
  /** Payload alone. */
  bytes = 0
  private isUpgraded = false
  private skip = 0
  private head = Buffer.alloc(0)
  /** What came of the payload of the ping that is coming. */
  private ping: Buffer | null = null
  private socket: Bun.Socket | undefined
  private wanted = { frames: 0, resolve: () => {} }

  constructor(
    private readonly command: OpenCommand,
    private readonly group: SocketGroup,
    private readonly wire: WireName,
    private readonly hostname: string,
  ) {}

  async open(): Promise<void> {
    const { port, framesEach } = this.command
    const done = new Promise<void>((resolve, reject) => {
      this.wanted = { frames: framesEach, resolve }
      const options = {
        hostname: this.hostname,
        port,
        socket: {
          open: (socket: Bun.Socket) => {
            this.socket = socket
            socket.write(upgradeOf(port, this.group.token, wires[this.wire].path(this.group)))
          },
          data: (socket: Bun.Socket, chunk: Buffer) => this.take(socket, chunk),
          close: () => {
            this.socket = undefined
            reject(new Error('the server closed a socket'))
          },
        },
      }
      Bun.connect(options).catch(reject)
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

  private take(socket: Bun.Socket, chunk: Buffer): void {
    let at = 0
    if (!this.isUpgraded) {
      const end = chunk.indexOf('\r\n\r\n')
      if (!chunk.toString('latin1', 0, 12).startsWith('HTTP/1.1 101') || end < 0) throw new Error(`refused: ${chunk.toString('latin1', 0, 300)}`)
      this.isUpgraded = true
      at = end + 4
      for (const frame of wires[this.wire].hello(this.group, this.command.resume)) socket.write(frame)
    }
    while (at < chunk.length) at = this.skip > 0 ? this.skipPayload(socket, chunk, at) : this.readHead(socket, chunk, at)
    if (this.frames >= this.wanted.frames) this.wanted.resolve()
  }

  private skipPayload(socket: Bun.Socket, chunk: Buffer, at: number): number {
    const step = Math.min(this.skip, chunk.length - at)
    this.skip -= step
    if (this.ping) this.ping = Buffer.concat([this.ping, chunk.subarray(at, at + step)])
    if (this.skip === 0) this.end(socket)
    return at + step
  }

  /** A frame has come whole: a ping is answered with its own payload (RFC 6455 §5.5.3). */
  private end(socket: Bun.Socket): void {
    this.frames += 1
    if (this.ping) socket.write(maskedPong(this.ping))
    this.ping = null
  }

  /** A head may be split over chunks; servers do not mask. */
  private readHead(socket: Bun.Socket, chunk: Buffer, at: number): number {
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
    this.note(socket, view[0] ?? 0)
    return at + length - before
  }

  /** Counts a frame by its head, and answers what a client has to answer; control frames are not counted. */
  private note(socket: Bun.Socket, first: number): void {
    const isControl = (first & 8) !== 0
    this.ping = (first & 15) === 9 ? Buffer.alloc(0) : null
    if (this.wire === 'socket.io' && this.skip === 1) socket.write(engineIoPong)
    this.bytes += this.skip
    if (this.skip >= leastEventBytes) this.events += 1
    if (isControl) this.frames -= 1
    if (this.skip === 0) this.end(socket)
  }
}

let clients: Client[] = []

/** Does it for all, so many at a time. */
async function forAll(work: (client: Client, index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let index = next++; index < clients.length; index = next++) {
      const client = clients[index]
      if (client) await work(client, index)
    }
  }
  await Promise.all(Array.from({ length: opening }, worker))
}

async function perform(command: SocketCommand): Promise<SocketAnswer> {
  const startedAt = performance.now()
  if (command.kind === 'open') {
    const wireOf = (group: SocketGroup) => command.wire ?? (group.token ? 'zipzap' : 'plain')
    const members = command.groups.flatMap((group) => Array.from({ length: group.count }, () => group))
    const { hosts = ['127.0.0.1'] } = command
    clients = members.map((group, index) => new Client(command, group, wireOf(group), hosts[index % hosts.length] ?? ''))
    await forAll((client) => client.open())
    for (const client of clients) client.events = 0
    if (command.readEveryMs) readEvery(command.readEveryMs)
  }
  if (command.kind === 'cut') for (const client of clients) client.cut()
  return { ...countAll(), tookMs: performance.now() - startedAt }
}

/** Between two looks at the sockets it sleeps outside the event loop, where nothing that arrives wakes it. */
function readEvery(ms: number): void {
  Bun.sleepSync(ms)
  setImmediate(() => readEvery(ms))
}

function countAll() {
  const sum = { frames: 0, events: 0, fewest: Number.POSITIVE_INFINITY, most: 0, bytes: 0, open: 0 }
  for (const client of clients) {
    sum.frames += client.frames
    sum.events += client.events
    sum.fewest = Math.min(sum.fewest, client.events)
    sum.most = Math.max(sum.most, client.events)
    sum.bytes += client.bytes
    if (client.isOpen) sum.open += 1
  }
  return sum
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
