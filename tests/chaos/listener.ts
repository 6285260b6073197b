import type { Heard } from './evidence'
import type { Instance } from './instance'

type Position = { epoch: string; seq: number }
type StreamAnswer = Position & { resumed: boolean; reason?: string }
type Frame = {
  type: string
  stream?: string
  epoch?: string
  seq?: number
  id?: string
  data: { role?: string; message?: string; streams?: Record<string, StreamAnswer> }
}

/** A screen in a shop: it listens to one store, comes back whenever its socket is gone, and goes on where it was. */
export class Listener {
  readonly heard = new Map<string, Heard>()
  /** What contradicts the protocol at once. */
  readonly faults: string[] = []
  connections = 0
  private readonly positions = new Map<string, Position>()
  private socket: WebSocket | undefined
  private isDone = false
  private waiting = new Set<() => void>()

  constructor(
    readonly name: string,
    private readonly instance: Instance,
    private readonly user: { id: string; token: string },
    private readonly storeId: string,
  ) {}

  /** Resolves when it listens for the first time. */
  async start(): Promise<void> {
    void this.connect()
    await this.until(() => this.heard.size > 0, 20_000)
  }

  stop(): void {
    this.isDone = true
    this.socket?.close()
  }

  private async connect(): Promise<void> {
    const { base } = await this.instance.server
    if (this.isDone) return
    const socket = new WebSocket(`${base.replace('http', 'ws')}/ws`)
    this.socket = socket
    socket.addEventListener('open', () => {
      const { id: userId, token } = this.user
      const resume = Object.fromEntries(this.positions)
      socket.send(JSON.stringify({ type: 'authenticate', data: { userId, token, storeId: this.storeId, resume } }))
    })
    socket.addEventListener('message', (event) => this.receive(JSON.parse(String(event.data))))
    socket.addEventListener('close', () => void this.connect())
  }

  private receive(frame: Frame): void {
    if (frame.stream !== undefined) this.hear(frame.stream, frame.seq ?? 0, frame.id ?? '')
    else if (frame.type === 'general_notification' && frame.data.streams) this.authenticated(frame.data.streams)
    else if (frame.type === 'error') this.faults.push(`${this.name} was told ${JSON.stringify(frame.data)}`)
    for (const wake of [...this.waiting]) wake()
  }

  private authenticated(streams: Record<string, StreamAnswer>): void {
    this.connections += 1
    for (const [stream, answer] of Object.entries(streams)) {
      const known = this.positions.get(stream)
      if (known && !answer.resumed) this.faults.push(`${this.name} could not go on in ${stream} from ${known.seq}: ${answer.reason}`)
      if (known && answer.resumed) continue
      this.positions.set(stream, { epoch: answer.epoch, seq: answer.seq })
      if (!this.heard.has(stream)) this.heard.set(stream, { listener: this.name, stream, after: answer.seq, events: [] })
    }
  }

  private hear(stream: string, seq: number, id: string): void {
    const position = this.positions.get(stream)
    this.heard.get(stream)?.events.push({ seq, id })
    if (position) position.seq = seq
  }

  /** Whether it has come this far, at the latest after that time. */
  hasReached(stream: string, seq: number, timeoutMs: number): Promise<boolean> {
    return this.until(() => (this.positions.get(stream)?.seq ?? 0) >= seq, timeoutMs)
  }

  private async until(isMet: () => boolean, timeoutMs: number): Promise<boolean> {
    const timeout = AbortSignal.timeout(timeoutMs)
    while (!isMet() && !timeout.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.waiting.delete(wake)
          timeout.removeEventListener('abort', wake)
          resolve()
        }
        this.waiting.add(wake)
        timeout.addEventListener('abort', wake)
      })
    }
    return isMet()
  }
}
