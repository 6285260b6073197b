import { backoffMs } from '~/ui/client/backoff'
import { type Position, storeOf } from '~/ui/client/frames'
import type { ClientLogger, Reload, ReloadReason } from '~/ui/client/options'
import type { Streams } from '~/ui/client/streams'
import type { Snapshot } from '~/utils/contracts/snapshot'

type Pending = { reason: ReloadReason; held: (() => void)[]; attempt: number; timer: ReturnType<typeof setTimeout> | undefined }

/** Past this many events kept back, a newer snapshot costs less than they do. */
const maxHeld = 5_000
const retryMs = 500
const retryCapMs = 10_000

/**
 * Streams whose place was lost. Their events are kept back until a snapshot is there that reaches at least to where the
 * stream began anew; then those that it does not contain follow. Without `fetch` the caller is told at once.
 */
export class Reloads {
  readonly #pending = new Map<string, Pending>()

  constructor(
    private readonly streams: Streams,
    private readonly fetch: ((storeId: string) => Promise<Snapshot>) | undefined,
    private readonly tell: (reload: Reload) => void,
    private readonly onDone: () => void,
    private readonly logger: ClientLogger,
  ) {}

  get isIdle(): boolean {
    return this.#pending.size === 0
  }

  begin(stream: string, reason: ReloadReason): void {
    const storeId = storeOf(stream)
    if (!this.fetch || storeId === undefined) {
      this.streams.settle(stream)
      return this.tell({ stream, storeId, reason, snapshot: undefined })
    }
    const known = this.#pending.get(stream)
    clearTimeout(known?.timer)
    const pending: Pending = { reason, held: known?.held ?? [], attempt: 0, timer: undefined }
    this.#pending.set(stream, pending)
    void this.#attempt(stream, storeId, pending, this.fetch)
  }

  async #attempt(stream: string, storeId: string, pending: Pending, fetch: (storeId: string) => Promise<Snapshot>): Promise<void> {
    try {
      const snapshot = await fetch(storeId)
      if (this.#pending.get(stream) !== pending) return
      const from = this.streams.coverage(stream)
      const { epoch, seq } = snapshot.position
      if (epoch === from?.epoch && seq >= from.seq) return this.#finish(stream, storeId, pending, snapshot)
      this.logger.warn?.('the snapshot is older than the stream: fetching it again', { stream, snapshot: snapshot.position, from })
    } catch (error) {
      this.logger.warn?.('the snapshot could not be fetched', error)
    }
    if (this.#pending.get(stream) !== pending) return
    pending.timer = setTimeout(() => void this.#attempt(stream, storeId, pending, fetch), backoffMs(pending.attempt++, retryMs, retryCapMs))
  }

  #finish(stream: string, storeId: string, pending: Pending, snapshot: Snapshot): void {
    this.#pending.delete(stream)
    this.streams.move(stream, snapshot.position)
    this.streams.settle(stream)
    this.tell({ stream, storeId, reason: pending.reason, snapshot })
    for (const release of pending.held) release()
    this.onDone()
  }

  /** True: the stream waits for its snapshot, and `later` runs after it. */
  hold(stream: string, position: Position, later: () => void): boolean {
    const pending = this.#pending.get(stream)
    if (!pending) return false
    pending.held.push(later)
    if (pending.held.length > maxHeld) {
      // The snapshot must contain all of them now.
      pending.held = []
      this.streams.restart(stream, position)
      this.begin(stream, pending.reason)
    }
    return true
  }

  /** The connection went before the snapshots came: the next one begins those streams anew. */
  abandon(): void {
    for (const { timer } of this.#pending.values()) clearTimeout(timer)
    this.#pending.clear()
  }

  /** The stream is no longer followed. */
  drop(stream: string): void {
    clearTimeout(this.#pending.get(stream)?.timer)
    this.#pending.delete(stream)
  }
}
