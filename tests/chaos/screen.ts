import type { Frame, Run, Watched } from './checker'

type Position = { epoch: string; seq: number }
type Message = {
  type: string
  timestamp: string
  stream?: string
  epoch?: string
  seq?: number
  id?: string
  data: { message?: string; code?: string; live?: boolean; reason?: string; reconnectAfterMs?: number; streams?: Record<string, Answer> }
}
type Answer = Position & { resumed: boolean; reason?: string }

/** Nothing heard for so long (heartbeats bring a `sync`): the connection is dead, whatever TCP says. */
const silentMs = 6_000
const openWithinMs = 6_000

/**
 * A screen of an owner or manager: it comes back whenever its socket is gone, moves when it is asked to, and goes on
 * where it was. It writes down every frame of every connection.
 */
export class Screen {
  readonly watched = new Map<string, Watched>()
  readonly complaints: string[] = []
  readonly closes: number[] = []
  /** Lost the store: from then on it listens to its user's own stream. */
  isRevoked = false
  private readonly positions = new Map<string, Position>()
  private readonly links = new Set<Link>()
  private isDone = false

  constructor(
    readonly name: string,
    private readonly port: number,
    readonly user: { id: string; token: string },
    private readonly storeId: string,
  ) {}

  /** Resolves when it is live for the first time. */
  async start(): Promise<void> {
    this.open()
    await this.until(() => this.isLive, 30_000)
  }

  get isLive(): boolean {
    return [...this.links].some((link) => link.isLive)
  }

  stop(): void {
    this.isDone = true
    for (const link of this.links) link.close()
  }

  hasReached(stream: string, seq: number, timeoutMs: number): Promise<boolean> {
    return this.until(() => (this.positions.get(stream)?.seq ?? 0) >= seq, timeoutMs)
  }

  private open(): void {
    if (this.isDone) return
    const storeStream = `store:${this.storeId}`
    const open = [...this.positions].filter(([stream]) => !this.isRevoked || stream !== storeStream)
    // Copies: another connection may still be moving these.
    const asked = new Map(open.map(([stream, position]) => [stream, { ...position }]))
    const { isRevoked } = this
    const link = new Link(this.port, {
      request: () => ({
        type: 'authenticate',
        data: { userId: this.user.id, token: this.user.token, ...(!isRevoked && { storeId: this.storeId }), resume: Object.fromEntries(asked) },
      }),
      receive: (message) => this.receive(link, message, asked),
      closed: (code) => this.closed(link, code),
    })
    this.links.add(link)
  }

  private closed(link: Link, code: number): void {
    this.links.delete(link)
    if (!this.isDone) this.closes.push(code)
    if (this.links.size === 0) setTimeout(() => this.links.size === 0 && this.open(), 50 + Math.random() * 500)
  }

  private receive(link: Link, message: Message, asked: Map<string, Position>): void {
    if (message.stream !== undefined) this.take(link, message.stream, message)
    else if (message.type === 'general_notification' && message.data.streams) this.begin(link, message.data.streams, asked)
    else if (message.type === 'sync' && message.data.live) {
      link.isLive = true
      // It has moved: the old connection is no longer needed.
      for (const other of this.links) if (other !== link && other.isLeaving) other.close()
    } else if (message.type === 'goaway') {
      link.isLeaving = true
      setTimeout(() => this.links.size === 1 && this.open(), message.data.reconnectAfterMs ?? 0)
    } else if (message.type === 'unsubscribed' && message.data.reason === 'revoked') {
      this.isRevoked = true
    } else if (message.type === 'error' && message.data.code === 'forbidden') {
      this.isRevoked = true
      link.close()
    } else if (message.type === 'error' && message.data.code !== 'unavailable') {
      this.complaints.push(`${this.name} was told ${JSON.stringify(message.data)}`)
      link.close()
    } else if (message.type === 'error') link.close()
  }

  private begin(link: Link, streams: Record<string, Answer>, asked: Map<string, Position>): void {
    for (const [stream, answer] of Object.entries(streams)) {
      const position = asked.get(stream)
      if (position && !answer.resumed) this.complaints.push(`${this.name} could not go on in ${stream} from ${position.seq}: ${answer.reason}`)
      const after = position && answer.resumed ? position.seq : answer.seq
      const run: Run = { after, frames: [] }
      link.runs.set(stream, run)
      const watched = this.watched.get(stream) ?? { screen: this.name, userId: this.user.id, stream, runs: [] }
      watched.runs.push(run)
      this.watched.set(stream, watched)
      if (!position || !answer.resumed) this.positions.set(stream, { epoch: answer.epoch, seq: after })
    }
  }

  private take(link: Link, stream: string, message: Message): void {
    const position = this.positions.get(stream)
    const seq = message.seq ?? 0
    // While it moves, the new connection repeats what the old one has brought: that is not late.
    const arrivedAt = Date.now()
    const isNew = !position || seq > position.seq
    const frame: Frame = {
      seq,
      id: message.id ?? '',
      epoch: message.epoch ?? '',
      type: message.type,
      data: JSON.stringify(message.data),
      arrivedAt,
      delayMs: isNew ? arrivedAt - Date.parse(message.timestamp) : 0,
    }
    const run = link.runs.get(stream)
    if (!run) this.complaints.push(`${this.name} was sent ${frame.seq} of ${stream} without a subscription`)
    run?.frames.push(frame)
    if (position && isNew) position.seq = seq
  }

  private async until(isMet: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs
    while (!isMet() && performance.now() < deadline) await Bun.sleep(20)
    return isMet()
  }
}

type LinkHost = { request(): object; receive(message: Message): void; closed(code: number): void }

/** One socket, given up when nothing is heard. */
class Link {
  readonly runs = new Map<string, Run>()
  isLive = false
  isLeaving = false
  private readonly socket: WebSocket
  private timer: Timer
  private isOver = false

  constructor(
    port: number,
    private readonly host: LinkHost,
  ) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
    this.timer = setTimeout(() => this.drop(), openWithinMs)
    this.socket.addEventListener('open', () => this.socket.send(JSON.stringify(host.request())))
    this.socket.addEventListener('message', ({ data }) => {
      if (this.isOver) return
      clearTimeout(this.timer)
      this.timer = setTimeout(() => this.drop(), silentMs)
      host.receive(JSON.parse(String(data)))
    })
    this.socket.addEventListener('close', ({ code }) => this.over(code))
    this.socket.addEventListener('error', () => this.over(1006))
  }

  close(): void {
    this.socket.close(1000)
  }

  private drop(): void {
    this.socket.close()
    this.over(1006)
  }

  private over(code: number): void {
    if (this.isOver) return
    this.isOver = true
    clearTimeout(this.timer)
    this.host.closed(code)
  }
}
