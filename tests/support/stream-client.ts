import type { Filter } from './entitlement'
import { RawSocket } from './raw-socket'

/**
 * A client as the contract describes it: it keeps a position per stream, resumes there, and believes what it is told.
 * It writes down everything that concerns its streams, so that a judge can compare it with the log; what contradicts
 * the protocol at once is a fault of its own.
 */

export type Position = { epoch: string; seq: number }
type Reason = 'expired' | 'epoch_changed' | 'ahead' | 'too_far'

/** The time from one answer about a stream to the next: after `after`, each event once, in order. */
export type Run = {
  stream: string
  userId: string
  epoch: string
  after: number
  head: number
  asked: Position | null
  reason: Reason | undefined
  replayed: number | undefined
  /** What had been pruned when the answer came. */
  prunedSeq: number
  liveFrom: number | null
  terms: { from: number; filter: Filter }[]
  events: { seq: number; id: string; type: string }[]
  /** The position of the last `sync`. */
  confirmed: number
  end: string | null
}

type Request =
  | { type: 'authenticate'; storeId: string; filter: Filter | null; resume: Record<string, Position>; isDevice: boolean }
  | { type: 'subscribe'; storeId: string; filter: Filter | null; resume: Record<string, Position> }
  | { type: 'unsubscribe'; storeId: string }
  | { type: 'ack'; stream: string; position: Position }

type StreamAnswer = { epoch: string; seq: number; resumed: boolean; replayed?: number; reason?: Reason }
type Frame = {
  type: string
  stream?: string
  epoch?: string
  seq?: number
  id?: string
  data: {
    replyTo?: string
    code?: string
    storeId?: string
    live?: boolean
    reason?: string
    streams?: Record<string, StreamAnswer>
  }
}

export type Recall = 'memory' | 'device' | 'nothing'
export type Options = { storeId: string; filter?: Filter | null; recall?: Recall }

/** What the world outside knows: which user this is, and how far each stream has been pruned. */
export type Surroundings = {
  port(): number
  prunedSeq(stream: string): number
  /** An event was taken, in its turn. */
  onEvent?(frame: EventFrame): void
  /** A stream begins at a position without what came before: whoever keeps a state must fetch it. */
  onReload?(stream: string): void
}

/** A logged event as it came; the judge has seen that it is what the log holds. */
export type EventFrame = { type: string; stream: string; seq: number; data: Record<string, unknown> }

/** More often than any heartbeat of a test's server. */
const speakEveryMs = 100
/** Lines of a story that are kept at least. */
const maxLines = 1_000

export class StreamClient {
  readonly positions = new Map<string, Position>()
  readonly runs: Run[] = []
  readonly faults: string[] = []
  readonly active = new Map<string, Run>()
  /** The error codes of refused requests, and the close codes, in order. */
  readonly errors: string[] = []
  readonly closes: number[] = []
  /** What it did and was told, for the report of a failure. */
  readonly story: string[] = []
  /** The store of the last successful `authenticate` on this socket. */
  storeId: string | null = null
  private socket: RawSocket | null = null
  private pausedTimer: Timer | undefined
  private isOpening = false
  private requests = new Map<string, Request>()
  private acknowledged = new Map<string, Position>()
  private deviceId = crypto.randomUUID()
  private waiting = new Set<() => void>()

  constructor(
    readonly name: string,
    readonly userId: string,
    public token: string,
    private readonly world: Surroundings,
  ) {}

  get isConnected(): boolean {
    return this.socket !== null
  }

  /** Heartbeats of this socket so far. */
  get pings(): number {
    return this.socket?.pings ?? 0
  }

  get isBusy(): boolean {
    return this.requests.size > 0
  }

  /** Opens a socket, if there is none, and authenticates on it. Resolves when that is sent. */
  async connect(options: Options): Promise<void> {
    if (this.socket || this.isOpening) return
    this.isOpening = true
    try {
      const socket = await RawSocket.open(this.world.port(), {
        onText: (text) => this.receive(JSON.parse(text)),
        onClose: (code) => this.disconnected(code),
        onPing: () => this.wake(),
      })
      if (!socket.isOpen) return
      this.socket = socket
    } finally {
      this.isOpening = false
    }
    this.authenticate(options)
  }

  authenticate({ storeId, filter = null, recall = 'memory' }: Options): void {
    const streams = [`store:${storeId}`, `user:${this.userId}`]
    const resume = this.recalled(recall === 'device' ? this.acknowledged : recall === 'memory' ? this.positions : new Map(), streams)
    const isDevice = recall === 'device'
    this.request(
      { type: 'authenticate', storeId, filter, resume, isDevice },
      {
        userId: this.userId,
        token: this.token,
        storeId,
        ...filter,
        ...(recall !== 'nothing' && { deviceId: this.deviceId }),
        ...(recall === 'memory' && { resume }),
      },
    )
  }

  subscribe(storeId: string, filter: Filter | null, withResume: boolean): void {
    const resume = this.recalled(withResume ? this.positions : new Map(), [`store:${storeId}`])
    this.request({ type: 'subscribe', storeId, filter, resume }, { storeId, ...filter, ...(withResume && { resume }) })
  }

  unsubscribe(storeId: string): void {
    this.request({ type: 'unsubscribe', storeId }, { storeId })
  }

  acknowledge(stream: string): void {
    const position = this.positions.get(stream)
    if (position && this.active.has(stream)) this.request({ type: 'ack', stream, position }, { stream, ...position })
  }

  private recalled(known: ReadonlyMap<string, Position>, streams: string[]): Record<string, Position> {
    return Object.fromEntries(streams.flatMap((stream) => (known.has(stream) ? [[stream, known.get(stream) as Position]] : [])))
  }

  private request(request: Request, data: object): void {
    if (!this.socket) return
    const id = crypto.randomUUID()
    this.requests.set(id, request)
    this.tell(`> ${request.type} ${JSON.stringify({ ...request, ...('resume' in request && { resume: brief(request.resume) }) })}`)
    this.socket.send({ type: request.type, id, data })
  }

  /** Anything at all, with an id that nobody waits for. */
  say(message: Record<string, unknown>): void {
    this.socket?.send(message)
  }

  // Ways to be a bad client

  cut(): void {
    this.socket?.cut()
  }

  close(): void {
    this.socket?.close()
  }

  /** Answers no ping any more, and says nothing. */
  fallSilent(): void {
    if (this.socket) this.socket.answersPings = false
  }

  /** Reads nothing, and goes on saying that it is there: slow, and not silent. */
  pause(): void {
    const { socket } = this
    if (!socket || this.pausedTimer) return
    socket.pause()
    this.pausedTimer = setInterval(() => socket.send({ type: 'pong' }), speakEveryMs)
  }

  resume(): void {
    clearInterval(this.pausedTimer)
    this.pausedTimer = undefined
    this.socket?.resume()
  }

  /** Loses its memory; what it acknowledged is with the server. */
  forget(): void {
    this.positions.clear()
    for (const [stream, position] of this.acknowledged) this.positions.set(stream, position)
  }

  // What it is told

  private disconnected(code: number): void {
    this.tell(`closed ${code}`)
    this.closes.push(code)
    clearInterval(this.pausedTimer)
    this.pausedTimer = undefined
    this.socket = null
    this.storeId = null
    // Whether the server has got an acknowledgement that was on its way cannot be known: another device, then.
    if ([...this.requests.values()].some((request) => request.type === 'ack')) {
      this.deviceId = crypto.randomUUID()
      this.acknowledged.clear()
    }
    this.requests.clear()
    for (const run of this.active.values()) run.end = `close ${code}`
    this.active.clear()
    this.wake()
  }

  private receive(frame: Frame): void {
    if (frame.stream !== undefined) this.take(frame.stream, frame)
    else if (frame.type === 'sync') this.synchronise(frame)
    else if (frame.type === 'unsubscribed' && frame.data.storeId) this.ended(frame.data.storeId, frame.data.reason ?? 'unsubscribed')
    if (frame.data.replyTo !== undefined) this.answered(frame.data.replyTo, frame)
    this.wake()
  }

  /** The last of what happened: a long run has more to tell than anybody reads. */
  private tell(line: string): void {
    this.story.push(line)
    if (this.story.length > maxLines * 2) this.story.splice(0, maxLines)
  }

  private fault(text: string): void {
    this.faults.push(text)
    this.tell(`FAULT ${text}`)
  }

  private take(stream: string, { epoch = '', seq = 0, id = '', type, data }: Frame): void {
    const run = this.active.get(stream)
    if (!run) return this.fault(`${type} ${seq} of ${stream} without a subscription`)
    if (epoch !== run.epoch) return this.fault(`${type} ${seq} of ${stream} is of epoch ${epoch}, not ${run.epoch}`)
    const position = this.positions.get(stream)?.seq ?? 0
    if (seq <= position) return this.fault(`${type} ${seq} of ${stream} came at position ${position}`)
    run.events.push({ seq, id, type })
    this.tell(`< ${stream.slice(0, 10)} ${seq} ${type}`)
    this.positions.set(stream, { epoch, seq })
    this.world.onEvent?.({ type, stream, seq, data })
  }

  private synchronise(frame: Frame): void {
    for (const [stream, { epoch, seq }] of Object.entries(frame.data.streams ?? {})) {
      const run = this.active.get(stream)
      if (!run) this.fault(`sync names ${stream}, of which nothing was said`)
      else if (epoch !== run.epoch) this.fault(`sync of ${stream} is of epoch ${epoch}, not ${run.epoch}`)
      else if (seq < (this.positions.get(stream)?.seq ?? 0)) this.fault(`sync takes ${stream} back to ${seq}`)
      else {
        run.confirmed = Math.max(run.confirmed, seq)
        if (frame.data.live) run.liveFrom ??= seq
        this.positions.set(stream, { epoch, seq })
      }
    }
    this.tell(`< sync ${frame.data.live ? 'live ' : ''}${brief(frame.data.streams ?? {})}`)
  }

  private ended(storeId: string, reason: string): void {
    const stream = `store:${storeId}`
    const run = this.active.get(stream)
    if (run) run.end = reason
    this.active.delete(stream)
    this.tell(`< unsubscribed ${stream.slice(0, 10)} ${reason}`)
  }

  private answered(id: string, frame: Frame): void {
    const request = this.requests.get(id)
    this.requests.delete(id)
    if (!request) return
    if (frame.type === 'error') {
      this.errors.push(`${request.type} ${frame.data.code}`)
      this.tell(`< error ${request.type} ${frame.data.code}`)
      return
    }
    if (request.type === 'ack') this.acknowledged.set(request.stream, request.position)
    if (request.type === 'authenticate') {
      if (this.storeId !== null && this.storeId !== request.storeId) this.ended(this.storeId, 'switched')
      this.storeId = request.storeId
    }
    if (request.type !== 'authenticate' && request.type !== 'subscribe') return
    this.tell(`< ${request.type} ${brief(frame.data.streams ?? {})}`)
    for (const [stream, answer] of Object.entries(frame.data.streams ?? {})) this.begin(stream, answer, request)
  }

  /** A running subscription goes on in place, unless `subscribe` asks for another position. */
  private begin(stream: string, answer: StreamAnswer, request: Request & { type: 'authenticate' | 'subscribe' }): void {
    const running = this.active.get(stream)
    const asked = request.resume[stream] ?? null
    const filter = stream.startsWith('store:') ? request.filter : null
    if (running && (request.type === 'authenticate' || !asked)) {
      if (!answer.resumed || answer.epoch !== running.epoch) this.fault(`${stream} did not go on: ${JSON.stringify(answer)}`)
      if (filter || (request.type === 'subscribe' && stream.startsWith('store:'))) running.terms.push({ from: answer.seq, filter: filter ?? {} })
      return
    }
    if (running) running.end = 'replaced'
    if (answer.resumed && asked?.epoch !== answer.epoch) this.fault(`${stream} was resumed from another epoch, or from nowhere`)
    if (!answer.resumed && Boolean(asked) !== Boolean(answer.reason)) this.fault(`${stream}: ${JSON.stringify(answer)} to ${JSON.stringify(asked)}`)
    const after = answer.resumed && asked ? asked.seq : answer.seq
    const run: Run = {
      stream,
      userId: this.userId,
      epoch: answer.epoch,
      after,
      head: answer.seq,
      asked,
      reason: answer.reason,
      replayed: answer.replayed,
      prunedSeq: this.world.prunedSeq(stream),
      liveFrom: null,
      terms: [{ from: -1, filter: filter ?? {} }],
      events: [],
      confirmed: after,
      end: null,
    }
    this.runs.push(run)
    this.active.set(stream, run)
    this.positions.set(stream, { epoch: answer.epoch, seq: after })
    if (!answer.resumed) this.world.onReload?.(stream)
  }

  // Waiting

  private wake(): void {
    for (const resume of [...this.waiting]) resume()
  }

  /** Resolves true as soon as `isMet`, false after the time. */
  async until(isMet: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs
    while (!isMet()) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) return false
      await new Promise<void>((resolve) => {
        const wakeUp = () => {
          clearTimeout(timer)
          this.waiting.delete(wakeUp)
          resolve()
        }
        const timer = setTimeout(wakeUp, leftMs)
        this.waiting.add(wakeUp)
      })
    }
    return true
  }
}

const brief = (streams: Record<string, Position>): string =>
  Object.entries(streams)
    .map(([stream, answer]) => `${stream.slice(0, 10)}=${JSON.stringify(answer)}`)
    .join(' ')
