import type { Server, ServerWebSocket } from 'bun'

/** A hub of a few lines with a log of its own, whose faults a test commands. It speaks the contract's protocol and no more. */

export type LogEntry = { seq: number; epoch: string; id: string }
type Socket = ServerWebSocket<SocketState>
type SocketState = { sent: number; user: string | null; frozen: boolean }
// biome-ignore lint/suspicious/noExplicitAny: tests read whatever came
type Message = any

export const hubUser = '01890000-0000-7000-8000-000000000001'
export const hubStore = '01890000-0000-7000-8000-000000000002'
const hubSession = '01890000-0000-7000-8000-000000000003'
export const hubStream = `store:${hubStore}`

export class FakeHub {
  readonly server: Server<SocketState>
  readonly sockets = new Set<Socket>()
  /** Everything that clients sent. */
  readonly received: Message[] = []
  readonly closings: number[] = []
  connections = 0
  epoch = 'e1'
  head = 0
  private prunedUpTo = 0
  private log: LogEntry[] = []
  private beat: Timer
  private waiting = new Set<() => void>()
  /** The last position that a device told. */
  acknowledged: { epoch: string; seq: number } | undefined
  /** Answers `authenticate`; null accepts. */
  judge: (data: Message) => { code: string; message: string } | null = () => null
  role = 'owner'
  acceptsSockets = true
  heartbeatMs: number
  /** Makes the frame of an event. */
  frameOf: (entry: LogEntry) => object | Promise<object> = (entry) => this.plainFrame(entry)
  keys: { stream: string; kid: string; k: string }[] | undefined

  constructor(heartbeatMs = 100) {
    this.heartbeatMs = heartbeatMs
    this.server = Bun.serve<SocketState>({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request, server) => {
        if (!this.acceptsSockets) return new Response(null, { status: 503 })
        return server.upgrade(request, { data: { sent: 0, user: null, frozen: false }, headers: { 'Sec-WebSocket-Protocol': 'zipzap.v1' } })
          ? undefined
          : new Response(null, { status: 400 })
      },
      websocket: {
        open: (socket) => this.open(socket),
        message: (socket, text) => void this.hear(socket, JSON.parse(String(text))),
        close: (socket, code) => {
          this.sockets.delete(socket)
          this.closings.push(code)
          this.wake()
        },
      },
    })
    this.beat = setInterval(() => this.heartbeat(), heartbeatMs)
  }

  get url(): string {
    return `ws://127.0.0.1:${this.server.port}/ws`
  }

  private open(socket: Socket): void {
    this.connections += 1
    this.sockets.add(socket)
    this.send(socket, 'general_notification', {
      message: 'Connected to ZipZap',
      sessionId: hubSession,
      authenticated: false,
      heartbeatIntervalMs: this.heartbeatMs,
    })
    this.wake()
  }

  private async hear(socket: Socket, message: Message): Promise<void> {
    this.received.push(message)
    this.wake()
    const { type, id, data = {} } = message
    if (socket.data.frozen) return
    if (type === 'ping') return this.send(socket, 'pong', { replyTo: id })
    if (type === 'ack') this.acknowledged = data
    if (type === 'custom_action') return this.send(socket, 'ack', { replyTo: id })
    if (type === 'authenticate') await this.accept(socket, id, data)
  }

  private async accept(socket: Socket, replyTo: string, data: Message): Promise<void> {
    const refusal = this.judge(data)
    if (refusal) return this.send(socket, 'error', { ...refusal, replyTo })
    const wasUser = socket.data.user !== null
    socket.data.user = data.userId
    const at = data.resume ? data.resume[hubStream] : data.deviceId && this.acknowledged
    const reason = !at
      ? undefined
      : at.epoch !== this.epoch
        ? 'epoch_changed'
        : at.seq > this.head
          ? 'ahead'
          : at.seq < this.prunedUpTo
            ? 'expired'
            : undefined
    const resumed = wasUser || (at !== undefined && reason === undefined)
    const from = wasUser ? socket.data.sent : resumed ? at.seq : this.head
    const answer = { epoch: this.epoch, seq: this.head, resumed, ...(resumed && { replayed: this.head - from }), ...(reason && { reason }) }
    this.send(socket, 'general_notification', {
      message: 'Authentication successful',
      sessionId: hubSession,
      userId: data.userId,
      storeId: hubStore,
      role: this.role,
      userSessions: 1,
      storeSessions: this.sockets.size,
      expiresAt: null,
      streams: { [hubStream]: answer },
      ...(this.keys && { keys: this.keys }),
      replyTo,
    })
    socket.data.sent = from
    await this.deliver(socket)
    this.send(socket, 'sync', { live: true, streams: { [hubStream]: { epoch: this.epoch, seq: socket.data.sent } } })
  }

  private plainFrame(entry: LogEntry): object {
    return { type: 'general_notification', data: { message: String(entry.seq), level: 'info', notificationId: entry.id }, ...this.placeOf(entry) }
  }

  placeOf(entry: LogEntry) {
    return { ...entry, stream: hubStream, storeId: hubStore, timestamp: new Date().toISOString() }
  }

  private async deliver(socket: Socket): Promise<void> {
    while (socket.data.user && !socket.data.frozen && socket.data.sent < this.head) {
      const entry = this.log.find((candidate) => candidate.seq === socket.data.sent + 1)
      if (!entry) return
      const made = this.frameOf(entry)
      const frame = made instanceof Promise ? await made : made
      // A heartbeat tells what was sent: nothing may count before it is. Meanwhile another round may have sent it.
      if (socket.data.sent >= entry.seq) continue
      socket.data.sent = entry.seq
      this.sendRaw(socket, frame)
    }
  }

  send(socket: Socket, type: string, data: object): void {
    this.sendRaw(socket, { type, data, timestamp: new Date().toISOString() })
  }

  sendRaw(socket: Socket, frame: object): void {
    if (!socket.data.frozen && socket.readyState === 1) socket.send(JSON.stringify(frame))
  }

  private heartbeat(): void {
    for (const socket of this.sockets) {
      if (socket.data.user) this.send(socket, 'sync', { streams: { [hubStream]: { epoch: this.epoch, seq: socket.data.sent } } })
    }
  }

  // Commands

  async publish(count = 1): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      this.head += 1
      this.log.push({ seq: this.head, epoch: this.epoch, id: Bun.randomUUIDv7() })
    }
    await Promise.all([...this.sockets].map((socket) => this.deliver(socket)))
  }

  /** Sends the last events again, and one of a log that is no more. */
  repeat(count = 3): void {
    for (const socket of this.sockets) {
      if (!socket.data.user) continue
      const entries = this.log.filter((entry) => entry.seq <= socket.data.sent).slice(-count)
      for (const entry of entries) this.sendRaw(socket, this.plainFrame(entry))
      this.sendRaw(socket, this.plainFrame({ seq: this.head + 5, epoch: 'e0', id: Bun.randomUUIDv7() }))
    }
  }

  /** Connections break without a close frame. */
  cut(): void {
    for (const socket of this.sockets) socket.terminate()
  }

  /** The other side is gone without a word: nothing comes any more, and nothing is answered. */
  freeze(): void {
    for (const socket of this.sockets) socket.data.frozen = true
  }

  goaway(reconnectAfterMs = 1): void {
    for (const socket of this.sockets) this.send(socket, 'goaway', { reconnectAfterMs })
  }

  /** The log lost its end: another epoch, with other contents under the same numbers. */
  restore(): void {
    this.epoch = `e${Number(this.epoch.slice(1)) + 1}`
    this.head = Math.max(0, this.head - 2)
    this.log = this.log.filter((entry) => entry.seq <= this.head).map((entry) => ({ ...entry, epoch: this.epoch }))
    for (const socket of this.sockets) socket.close(1012)
  }

  prune(): void {
    this.prunedUpTo = this.head
    this.log = []
  }

  close(code: number): void {
    for (const socket of this.sockets) socket.close(code)
  }

  snapshot() {
    return { position: { stream: hubStream, epoch: this.epoch, seq: this.head } }
  }

  private wake(): void {
    for (const resume of [...this.waiting]) resume()
  }

  /** Resolves when something that clients did makes it true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const wakeUp = () => {
          this.waiting.delete(wakeUp)
          resolve()
        }
        this.waiting.add(wakeUp)
      })
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.beat)
    await this.server.stop(true)
  }
}
