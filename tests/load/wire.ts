/** The bytes of one connection: the answer to the upgrade, then frames of a server, which do not mask and are not split. */
export class Wire {
  /** Data frames that have come whole. */
  frames = 0
  bytes = 0
  isUpgraded = false
  private readonly chunks: Buffer[] = []
  /** What is left of the frame that is coming; counted when it is there. */
  private left = 0
  private isCounted = false
  private head: Buffer = Buffer.alloc(0)

  /** The beginning of what came, for a fault's report. */
  get start(): string {
    return Buffer.concat(this.chunks).toString('latin1', 0, 200)
  }

  take(received: Buffer): void {
    const chunk = Buffer.from(received)
    this.bytes += chunk.length
    this.chunks.push(chunk)
    let at = 0
    if (!this.isUpgraded) {
      const whole = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks)
      const end = whole.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!whole.toString('latin1', 0, 12).startsWith('HTTP/1.1 101')) throw new Error(`refused: ${whole.toString('latin1', 0, 300)}`)
      this.isUpgraded = true
      at = end + 4 - (whole.length - chunk.length)
    }
    while (at < chunk.length) at = this.left > 0 ? this.skip(chunk, at) : this.readHead(chunk, at)
  }

  private skip(chunk: Buffer, at: number): number {
    const step = Math.min(this.left, chunk.length - at)
    this.left -= step
    if (this.left === 0 && this.isCounted) this.frames += 1
    return at + step
  }

  private readHead(chunk: Buffer, at: number): number {
    const before = this.head.length
    const view = before === 0 ? chunk.subarray(at, at + 10) : Buffer.concat([this.head, chunk.subarray(at, at + 10)])
    const head = readFrameHead(view)
    if (!head) {
      this.head = Buffer.from(view)
      return chunk.length
    }
    this.head = Buffer.alloc(0)
    this.left = head.payloadLength
    this.isCounted = head.isData
    if (this.left === 0 && this.isCounted) this.frames += 1
    return at + head.length - before
  }

  /** The text of all frames that came. */
  texts(): string[] {
    const whole = Buffer.concat(this.chunks)
    const texts: string[] = []
    let at = whole.indexOf('\r\n\r\n') + 4
    for (;;) {
      const head = readFrameHead(whole.subarray(at, at + 10))
      if (!head || at + head.length + head.payloadLength > whole.length) return texts
      at += head.length
      if (head.isData) texts.push(whole.toString('utf8', at, at + head.payloadLength))
      at += head.payloadLength
    }
  }
}

/** Null when more bytes are needed. */
export function readFrameHead(view: Buffer): { length: number; payloadLength: number; isData: boolean; isPing: boolean } | null {
  const short = (view[1] ?? 0) & 127
  const length = short < 126 ? 2 : short === 126 ? 4 : 10
  if (view.length < 2 || view.length < length) return null
  const payloadLength = short < 126 ? short : short === 126 ? view.readUInt16BE(2) : Number(view.readBigUInt64BE(2))
  const opcode = (view[0] ?? 0) & 15
  return { length, payloadLength, isData: opcode < 8, isPing: opcode === 9 }
}
