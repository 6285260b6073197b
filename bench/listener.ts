import { maskedPong, upgradeOf } from './handshake'
import { engineIoPong, type SocketGroup, type WireName, wires } from './wires'

/**
 * A WebSocket client on bare TCP that hands on the payload of each frame as bytes: cheaper than decoding them, where what
 * is looked for can be found in bytes. Frames of servers are not masked, and none is in pieces.
 */
export class Listener {
  private received: Buffer = Buffer.alloc(0)
  private isUpgraded = false
  private frames = 0
  private readonly live = Promise.withResolvers<void>()

  private constructor(
    private readonly group: SocketGroup,
    private readonly wire: WireName,
    private readonly hear: (payload: Buffer) => void,
  ) {}

  /** Resolves when it is live. */
  static async open(port: number, group: SocketGroup, wire: WireName, hear: (payload: Buffer) => void): Promise<void> {
    const listener = new Listener(group, wire, hear)
    await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open: (socket) => void socket.write(upgradeOf(port, group.token, wires[wire].path(group))),
        data: (socket, chunk) => listener.take(socket, chunk),
        close: () => listener.live.reject(new Error('the server closed a socket')),
      },
    })
    await listener.live.promise
  }

  private take(socket: Bun.Socket, chunk: Buffer): void {
    const bytes = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk])
    let at = this.isUpgraded ? 0 : this.upgrade(socket, bytes)
    if (this.isUpgraded)
      for (let end = endOfFrame(bytes, at); end <= bytes.length; end = endOfFrame(bytes, at)) {
        this.frame(socket, bytes, at, end)
        at = end
      }
    this.received = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at))
    if (this.isUpgraded && this.frames >= wires[this.wire].framesToOpen) this.live.resolve()
  }

  /** Where the frames begin; all of it while the answer to the upgrade is not whole. */
  private upgrade(socket: Bun.Socket, bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n')
    if (end < 0) return 0
    if (!bytes.toString('latin1', 0, 12).startsWith('HTTP/1.1 101')) throw new Error(`refused: ${bytes.toString('latin1', 0, 300)}`)
    this.isUpgraded = true
    for (const frame of wires[this.wire].hello(this.group, undefined)) socket.write(frame)
    return end + 4
  }

  /** Control frames are not counted, as in sockets.ts; what a client has to answer is answered. */
  private frame(socket: Bun.Socket, bytes: Buffer, at: number, end: number): void {
    const opcode = (bytes[at] ?? 0) & 15
    const payload = bytes.subarray(at + headLength(bytes, at), end)
    if (opcode === 9) socket.write(maskedPong(payload))
    if (opcode > 7) return
    if (this.wire === 'socket.io' && payload.length === 1) socket.write(engineIoPong)
    this.frames += 1
    this.hear(payload)
  }
}

function headLength(bytes: Buffer, at: number): number {
  const short = (bytes[at + 1] ?? 0) & 127
  return short < 126 ? 2 : short === 126 ? 4 : 10
}

/** Behind the last byte of the frame that begins there; infinite while its head is not whole. */
function endOfFrame(bytes: Buffer, at: number): number {
  if (bytes.length < at + 2 || bytes.length < at + headLength(bytes, at)) return Number.POSITIVE_INFINITY
  const head = headLength(bytes, at)
  const short = (bytes[at + 1] ?? 0) & 127
  return at + head + (head === 2 ? short : head === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2)))
}
