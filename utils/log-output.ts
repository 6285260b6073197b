import { write } from 'node:fs'

/** What may wait for the reader of the log; what comes on top is dropped, and counted. */
const maxWaitingBytes = 1024 * 1024
/** A pipe takes so much in one piece: lines of several workers are never torn, and those that come together share a call. */
const pieceBytes = 4096
const busyMs = 100

type Piece = { text: string; bytes: number }

/** Stands where lines are missing, in pino's form and at its level of a warning. */
const lineOfDropped = (lines: number): string =>
  `${JSON.stringify({ level: 40, time: new Date().toISOString(), lines, msg: 'lines of this log were dropped: its reader is too slow' })}\n`

/**
 * Lines on their way to a file descriptor. Nobody waits for its reader, who may be slow or gone, and what cannot be
 * written (nobody reads any more, the disk is full) is given up: a log that fails must cost nothing but itself.
 */
export class LogOutput {
  private readonly pieces: Piece[] = []
  private waitingBytes = 0
  /** Lines left out since the last one that was taken. */
  private dropped = 0
  private writing: Promise<void> | null = null

  constructor(private readonly descriptor: number) {}

  write(line: string): void {
    const isTaken = this.take(this.dropped > 0 ? lineOfDropped(this.dropped) + line : line)
    this.dropped = isTaken ? 0 : this.dropped + 1
  }

  /** False: there is no room. */
  private take(text: string): boolean {
    const bytes = Buffer.byteLength(text)
    if (this.waitingBytes + bytes > maxWaitingBytes) return false
    this.waitingBytes += bytes
    const last = this.pieces.at(-1)
    if (last && last.bytes + bytes <= pieceBytes) {
      last.text += text
      last.bytes += bytes
    } else this.pieces.push({ text, bytes })
    this.writing ??= this.writeAll()
    return true
  }

  /** Resolves when everything so far has left, or after `withinMs`: the last words of a process that ends. */
  async written(withinMs: number): Promise<void> {
    if (this.writing) await Promise.race([this.writing, Bun.sleep(withinMs)])
  }

  private async writeAll(): Promise<void> {
    for (let piece = this.pieces.shift(); piece; piece = this.pieces.shift()) {
      let left = Buffer.from(piece.text)
      while (left.length > 0) left = left.subarray(await this.writeSome(left))
      this.waitingBytes -= piece.bytes
    }
    this.writing = null
  }

  /** Answers how much is done with: all of it when it cannot be written. */
  private writeSome(bytes: Buffer): Promise<number> {
    return new Promise((resolve) => {
      write(this.descriptor, bytes, (error, count) => {
        if (!error) resolve(count)
        else if (error.code === 'EAGAIN') setTimeout(() => resolve(0), busyMs)
        else resolve(bytes.length)
      })
    })
  }
}
