import { connect, type Socket } from 'node:net'
import { maskedFrame, maskedPong, upgradeOf } from '~/bench/handshake'
import type { Member } from './sockets'
import { readFrameHead } from './wire'

/**
 * A member's socket that looks at the position and the time of each frame and takes nothing else apart: a client that
 * parsed everything would be what is measured. It may stop reading; whenever it is closed while it reads, it comes back
 * and goes on where it was.
 */
export class Reader {
  /** From the beginning of its transaction to here, in ms, of each event of the store. */
  delays: number[] = []
  closes = 0
  seq = -1
  readonly faults: string[] = []
  private epoch = ''
  private isLive = false
  private isReading = true
  private isWanted = true
  private socket: Socket | undefined
  private pending: Buffer = Buffer.alloc(0)
  private isUpgraded = false

  constructor(
    private readonly port: number,
    private readonly member: Member,
  ) {
    this.open()
  }

  get isReady(): boolean {
    return this.isLive
  }

  pause(): void {
    this.isReading = false
    this.socket?.pause()
  }

  resume(): void {
    this.isReading = true
    if (this.socket) this.socket.resume()
    else this.open()
  }

  /** Heard from: an open socket that only reads would be given up. */
  speak(): void {
    if (this.isUpgraded && this.isReading) this.socket?.write(maskedFrame('{"type":"pong"}'))
  }

  end(): void {
    this.isWanted = false
    this.socket?.destroy()
  }

  private open(): void {
    this.pending = Buffer.alloc(0)
    this.isUpgraded = false
    const socket = connect(this.port, '127.0.0.1', () => socket.write(upgradeOf(this.port, this.member.token)))
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.socket = undefined
      this.isLive = false
      this.closes += 1
      if (this.isWanted && this.isReading) this.open()
    })
  }

  private take(chunk: Buffer): void {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk])
    if (!this.isUpgraded) {
      const end = this.pending.indexOf('\r\n\r\n')
      if (end < 0) return
      this.isUpgraded = true
      this.pending = this.pending.subarray(end + 4)
      this.authenticate()
    }
    for (;;) {
      const head = readFrameHead(this.pending.subarray(0, 10))
      if (!head || this.pending.length < head.length + head.payloadLength) return
      const payload = this.pending.subarray(head.length, head.length + head.payloadLength)
      this.pending = this.pending.subarray(head.length + head.payloadLength)
      if (head.isData) this.look(payload)
      else if (head.isPing) this.socket?.write(maskedPong(payload))
    }
  }

  private authenticate(): void {
    const { userId, storeId } = this.member
    const resume = this.seq >= 0 && { resume: { [`store:${storeId}`]: { epoch: this.epoch, seq: this.seq } } }
    this.socket?.write(maskedFrame(JSON.stringify({ type: 'authenticate', data: { userId, storeId, ...resume } })))
  }

  private look(payload: Buffer): void {
    // The fields after the data, of a logged event.
    const end = payload.toString('latin1', Math.max(0, payload.length - 400))
    const event = /"timestamp":"([^"]+)".*"stream":"(store|user):.*"seq":(\d+)}$/.exec(end)
    if (event) return event[2] === 'store' ? this.takeEvent(event[1] ?? '', Number(event[3])) : undefined
    const { type, data } = JSON.parse(payload.toString())
    if (type === 'sync' && data.live) this.isLive = true
    if (type === 'error') this.faults.push(JSON.stringify(data))
    const answer = data.streams?.[`store:${this.member.storeId}`]
    if (type === 'general_notification' && answer) this.begin(answer)
  }

  private begin(answer: { epoch: string; seq: number; resumed: boolean; reason?: string }): void {
    if (this.seq < 0) this.seq = answer.seq
    else if (!answer.resumed) this.faults.push(`could not go on from ${this.seq}: ${answer.reason}`)
    this.epoch = answer.epoch
  }

  private takeEvent(timestamp: string, seq: number): void {
    if (seq !== this.seq + 1) this.faults.push(`${seq} came after ${this.seq}`)
    this.seq = seq
    this.delays.push(Date.now() - Date.parse(timestamp))
  }
}
