import type { LoggedFrame, Position, Positions } from '~/ui/client/frames'
import type { ClientLogger } from '~/ui/client/options'

/** Where positions outlive the page. Keep there only what the application's own data outlives too. */
export interface PositionStorage {
  load(): Positions | undefined | Promise<Positions | undefined>
  save(positions: Positions): void | Promise<void>
}

type Stream = Position & {
  /** Every event after this one was or will be delivered. */
  from: Position
  /** The socket sees every event of the stream, so that a hole would be a fault. */
  isGapless: boolean
  /** False until the snapshot is there that a lost place asks for: such a place is nowhere to resume from. */
  isWhole: boolean
}

const saveEveryMs = 200

/**
 * How far each stream was delivered. Every event passes `take` and is delivered once and in order, whichever socket
 * brings it: two at a time while the client moves from one to the other.
 */
export class Streams {
  readonly #known = new Map<string, Stream>()
  readonly #wanted = new Map<string, Position>()
  #saving: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly storage: PositionStorage | undefined,
    private readonly logger: ClientLogger,
  ) {}

  async load(): Promise<void> {
    try {
      for (const [stream, position] of Object.entries((await this.storage?.load()) ?? {})) this.startFrom(stream, position)
    } catch (error) {
      this.logger.warn?.('positions could not be loaded', error)
    }
  }

  /** Resume there when the stream has no position yet; of several offers the earliest counts. */
  startFrom(stream: string, position: Position): void {
    const offered = this.#wanted.get(stream)
    if (!offered || offered.epoch !== position.epoch || position.seq < offered.seq) this.#wanted.set(stream, position)
  }

  /** Events after this one were or will be delivered; a list read at this position or later can be kept up to date. */
  coverage(stream: string): Position | undefined {
    return this.#known.get(stream)?.from
  }

  /** Where streams can be resumed: these, or all. */
  positions(names: Iterable<string> = new Set([...this.#wanted.keys(), ...this.#known.keys()])): Positions {
    const positions: Positions = {}
    for (const stream of names) {
      const at = this.#known.get(stream) ?? this.#wanted.get(stream)
      if (at && !('isWhole' in at && !at.isWhole)) positions[stream] = { epoch: at.epoch, seq: at.seq }
    }
    return positions
  }

  /** The hub continues where the client was, or, when only the hub remembers that, somewhere up to `head`. */
  resume(stream: string, head: Position & { replayed: number }): void {
    const from = this.#wanted.get(stream) ?? { epoch: head.epoch, seq: head.replayed > 0 ? 0 : head.seq }
    this.#wanted.delete(stream)
    if (!this.#known.has(stream)) this.#known.set(stream, { ...from, from, isGapless: false, isWhole: true })
  }

  /** The stream is followed from here on; what was before is not known to be whole until `settle`. */
  restart(stream: string, { epoch, seq }: Position): void {
    this.#wanted.delete(stream)
    this.#known.set(stream, { epoch, seq, from: { epoch, seq }, isGapless: this.#known.get(stream)?.isGapless ?? false, isWhole: false })
  }

  /** The application has the state that the stream goes on from. */
  settle(stream: string): void {
    const at = this.#known.get(stream)
    if (at) at.isWhole = true
    this.#save()
  }

  forget(stream: string): void {
    this.#known.delete(stream)
    this.#wanted.delete(stream)
    this.#save()
  }

  /** Another user's positions are none. */
  clear(): void {
    this.#known.clear()
    this.#wanted.clear()
    this.#save()
  }

  setGapless(stream: string, isGapless: boolean): void {
    const known = this.#known.get(stream)
    if (known) known.isGapless = isGapless
  }

  /** Whether an event is news. `gap`: it is, and some before it never came. */
  judge({ stream, epoch, seq }: Pick<LoggedFrame, 'stream' | 'epoch' | 'seq'>): 'news' | 'gap' | 'known' {
    const at = this.#known.get(stream)
    if (!at) return 'news'
    // Of a log that is no longer followed, by a socket that will be told so.
    if (at.epoch !== epoch || seq <= at.seq) return 'known'
    return at.isGapless && at.seq > 0 && seq > at.seq + 1 ? 'gap' : 'news'
  }

  /** Everything up to `position` was delivered. */
  move(stream: string, position: Position): void {
    const at = this.#known.get(stream)
    if (!at || at.epoch !== position.epoch || position.seq <= at.seq) return
    at.seq = position.seq
    this.#save()
  }

  #save(): void {
    const { storage } = this
    if (!storage) return
    this.#saving ??= setTimeout(() => {
      this.#saving = undefined
      void this.#store(storage)
    }, saveEveryMs)
  }

  async #store(storage: PositionStorage): Promise<void> {
    try {
      await storage.save(this.positions())
    } catch (error) {
      this.logger.warn?.('positions could not be saved', error)
    }
  }

  /** Nothing is left to be saved later. */
  async flush(): Promise<void> {
    if (this.#saving === undefined) return
    clearTimeout(this.#saving)
    this.#saving = undefined
    if (this.storage) await this.#store(this.storage)
  }
}
