import type { Filter } from '~/realtime/filter'
import { passes } from '~/realtime/filter'
import type { View } from '~/utils/actor'
import type { LoggedEvent } from '~/utils/contracts/logged-event'
import { frameOf, isVisible } from '~/utils/event-view'

/** An event with its frames, each encoded at most once a view, whoever asks first. */
export class EncodedEvent {
  readonly keptSince: number
  private frames: Partial<Record<View, string>> = {}

  constructor(
    readonly event: LoggedEvent,
    now: number,
  ) {
    this.keptSince = now
  }

  frame(view: View): string {
    const known = this.frames[view]
    if (known !== undefined) return known
    const frame = frameOf(this.event, view)
    this.frames[view] = frame
    return frame
  }

  /** The same for many sockets: the runtime would encode other characters than ASCII anew for each of them. */
  asciiFrame(view: View): string {
    const frame = this.frame(view)
    if (isAscii.test(frame)) return frame
    const escaped = escapeNonAscii(frame)
    this.frames[view] = escaped
    return escaped
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with them
const isAscii = /^[\x00-\x7f]*$/

/** Equal JSON in ASCII. The way over bytes gives a string of one byte a character, which is sent as it is. */
function escapeNonAscii(json: string): string {
  const escaped = json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return Buffer.from(escaped, 'latin1').toString('latin1')
}

/** Whether the event is for a socket of this view, user and filter: roles decide before filters. */
export const concerns = (event: LoggedEvent, view: View, userId: string, filter: Filter): boolean =>
  isVisible(event, view, userId) && passes(event, filter)

const maxEvents = 512
const maxBytes = 512 * 1024
const maxAgeMs = 120_000

/**
 * The last events of a live stream, contiguous, so that a storm of reconnects reads no database. Bounded in number,
 * bytes and age.
 */
export class Ring {
  private entries: EncodedEvent[] = []
  private bytes = 0
  /** Grows with each `clear`. */
  generation = 0

  push(entry: EncodedEvent): void {
    this.entries.push(entry)
    this.bytes += entry.event.json.length
    if (this.entries.length > maxEvents * 1.25 || this.bytes > maxBytes) this.trim(entry.keptSince)
  }

  trim(now: number): void {
    let drop = Math.max(0, this.entries.length - maxEvents)
    let bytes = this.bytes
    for (let index = 0; index < this.entries.length; index++) {
      const entry = this.entries[index]
      if (!entry || (index >= drop && bytes <= maxBytes && now - entry.keptSince < maxAgeMs)) break
      bytes -= entry.event.json.length
      drop = Math.max(drop, index + 1)
    }
    if (drop === 0) return
    this.entries = this.entries.slice(drop)
    this.bytes = bytes
  }

  /** The events after `seq`, or null when the ring does not reach back that far. */
  after(seq: number, limit = Number.POSITIVE_INFINITY): EncodedEvent[] | null {
    const first = this.entries[0]
    if (!first || first.event.seq > seq + 1) return null
    const start = seq + 1 - first.event.seq
    return this.entries.slice(start, start + limit)
  }

  /** The seq of the oldest event, or `otherwise` when there is none. */
  firstSeq(otherwise: number): number {
    return this.entries[0]?.event.seq ?? otherwise
  }

  /** How many events between `seq` and the ring's beginning (or `headSeq`) are not here. */
  missingAfter(seq: number, headSeq: number): number {
    return Math.max(0, this.firstSeq(headSeq + 1) - 1 - seq)
  }

  /**
   * Older events, read since `generation`. They are passed over unless they end right before the ring's first one, or
   * before the next event when it has become empty: a hole in here would be a hole at every client that resumes.
   */
  prepend(older: EncodedEvent[], headSeq: number, generation: number): void {
    const last = older.at(-1)
    if (!last || generation !== this.generation || last.event.seq + 1 !== this.firstSeq(headSeq + 1)) return
    this.entries = [...older, ...this.entries]
    for (const entry of older) this.bytes += entry.event.json.length
  }

  clear(): void {
    this.generation += 1
    this.entries = []
    this.bytes = 0
  }
}
