import type { RelayMessage, StateMessage } from '~/realtime/relay/relay'

/** One payload on the wire: who sent it, and several messages. */
type Envelope = { instance: string; messages: RelayMessage[] }

/**
 * Hands messages over as texts of bounded length: at once when idle, and what comes within a few milliseconds after that
 * together; of a stream's heads only the highest is kept, of soft state that changed again only the latest. A message that
 * alone is longer is cut into parts, which `Assembly` joins again.
 */
export class Outbox {
  private heads = new Map<string, RelayMessage & { kind: 'head' }>()
  private others: (RelayMessage | StateChanges)[] = []
  /** The last one of `others` that later changes may join. */
  private changes: StateChanges | null = null
  private timer: Timer | undefined
  private isDue = false
  private flushedAt = Number.NEGATIVE_INFINITY

  constructor(
    private readonly instance: string,
    private readonly maxLength: number,
    private readonly deliver: (payload: string) => void,
  ) {}

  add(message: RelayMessage): void {
    if (message.kind === 'head') {
      const known = this.heads.get(message.stream)
      if (!known || known.seq < message.seq) this.heads.set(message.stream, message)
    } else if (message.kind === 'state') this.addState(message)
    else if (!this.isAsked(message)) this.others.push(message)
    this.schedule()
  }

  /** The whole is told as it is now, in place of all that waits; what changes later comes after it. */
  private addState(message: StateMessage): void {
    if (message.isWhole) {
      this.others = this.others.filter(({ kind }) => kind !== 'state')
      this.others.push(message)
      this.changes = null
    } else if (!this.changes?.add(message)) {
      this.changes = new StateChanges(message)
      this.others.push(this.changes)
    }
  }

  /** Each change that does not follow on what an instance knows asks for the whole: once is enough. */
  private isAsked(message: RelayMessage): boolean {
    return message.kind === 'pull' && this.others.some((waiting) => waiting.kind === 'pull' && waiting.instance === message.instance)
  }

  private schedule(): void {
    if (this.timer || this.isDue) return
    const sinceMs = performance.now() - this.flushedAt
    if (sinceMs < coalesceMs) {
      this.timer = setTimeout(() => this.flush(), coalesceMs - sinceMs)
      return
    }
    // A write has more to say than one thing, all of it in this turn.
    this.isDue = true
    queueMicrotask(() => this.flush())
  }

  flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.isDue = false
    this.flushedAt = performance.now()
    const messages = [...this.others, ...this.heads.values()]
    this.heads = new Map()
    this.others = []
    this.changes = null
    let batch: string[] = []
    let length = 0
    for (const message of messages) {
      const text = JSON.stringify(message)
      if (length + text.length > this.maxLength - overhead && batch.length > 0) {
        this.deliverBatch(batch)
        batch = []
        length = 0
      }
      batch.push(text)
      length += text.length + 1
    }
    if (batch.length > 0) this.deliverBatch(batch)
  }

  private deliverBatch(texts: string[]): void {
    const payload = escapeNonAscii(`{"instance":"${this.instance}","messages":[${texts.join(',')}]}`)
    if (payload.length <= this.maxLength) return this.deliver(payload)
    const id = Bun.randomUUIDv7()
    const size = this.maxLength - overhead
    const count = Math.ceil(payload.length / size)
    for (let index = 0; index < count; index++) this.deliver(`part ${id} ${index} ${count} ${payload.slice(index * size, (index + 1) * size)}`)
  }
}

/** Changes of soft state that follow one another, as one message. */
class StateChanges {
  readonly kind = 'state'
  private readonly since: number
  private version: number
  private readonly entries: Map<string, unknown>

  constructor({ since, version, entries }: StateMessage) {
    this.since = since ?? version - 1
    this.version = version
    this.entries = new Map(entries)
  }

  /** False: something between was not told, as nothing is while there is nobody to tell. */
  add({ since, version, entries }: StateMessage): boolean {
    if (since !== this.version) return false
    this.version = version
    for (const [key, value] of entries) this.entries.set(key, value)
    return true
  }

  toJSON(): StateMessage {
    return { kind: 'state', since: this.since, version: this.version, entries: [...this.entries], isWhole: false }
  }
}

const coalesceMs = 5
const overhead = 120
const maxOpenParts = 100

/** Lengths are counted in bytes by the engines; in ASCII both are the same. */
const escapeNonAscii = (text: string): string => text.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Reads payloads; parts are kept until all are there, a bounded number of them. */
export class Assembly {
  private readonly open = new Map<string, string[]>()

  /** The envelope, or null while parts are missing or when the text is not ours. */
  read(payload: string): Envelope | null {
    const whole = payload.startsWith('part ') ? this.join(payload) : payload
    if (whole === null) return null
    try {
      return asEnvelope(JSON.parse(whole))
    } catch {
      return null
    }
  }

  private join(payload: string): string | null {
    const match = /^part (\S+) (\d+) (\d+) /.exec(payload)
    if (!match?.[1]) return null
    const [head, id, index, count] = [match[0], match[1], Number(match[2]), Number(match[3])]
    const parts = this.open.get(id) ?? []
    parts[index] = payload.slice(head.length)
    this.open.set(id, parts)
    if (this.open.size > maxOpenParts) this.open.delete(this.open.keys().next().value ?? '')
    for (let at = 0; at < count; at++) if (parts[at] === undefined) return null
    this.open.delete(id)
    return parts.join('')
  }
}

/** Written by an instance of this same program. */
const asEnvelope = (json: unknown) => json as Envelope
