import { EncodedEvent } from '~/realtime/ring'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'

/** Pages begin at multiples of this, so that those who come from different places meet on the same ones. */
const pageEvents = 100
/** What all pages together cost; the one that was not asked for longest goes first. */
const maxBytes = 64 * 1024 * 1024
/** An event costs about so much beside its data, of which there may be so many copies: its own, and a frame for each view. */
const eventBytes = 2048
const copies = 4
/** However often it is asked for: history that another instance rewrote must not live on here when its word is lost. */
const maxAgeMs = 10_000

/** Reads `after < seq <= upTo` of the log, in order, at most a bounded number at a time. */
export type ReadLog = (stream: StreamName, after: number, upTo: number) => Promise<LoggedEvent[]>

type Page = { stream: StreamName; entries: Promise<EncodedEvent[]>; bytes: number; readAt: number }

/**
 * The parts of the log that sockets far behind are reading: each is read once and encoded once for all who are there
 * at about the same time, and a socket that reads slowly finds the rest of its page again.
 */
export class LogPages {
  /** The one asked for last comes last. */
  private readonly pages = new Map<string, Page>()
  private bytes = 0

  constructor(private readonly readLog: ReadLog) {}

  /**
   * Some of the events after `after`, in order, none after `upTo`; empty when the next one is no longer in the log.
   * `epoch` is the caller's: whoever has another one shares nothing with it.
   */
  async after(stream: StreamName, epoch: string, after: number, upTo: number): Promise<EncodedEvent[]> {
    const start = after - (after % pageEvents)
    const entries = await this.page(stream, epoch, start, Math.min(start + pageEvents, upTo))
    const firstSeq = entries[0]?.event.seq ?? Number.POSITIVE_INFINITY
    return firstSeq <= after + 1 ? entries.slice(after + 1 - firstSeq) : []
  }

  private page(stream: StreamName, epoch: string, start: number, end: number): Promise<EncodedEvent[]> {
    const key = `${stream} ${epoch} ${start} ${end}`
    const known = this.pages.get(key)
    const page = known ?? { stream, entries: this.read(stream, start, end), bytes: 0, readAt: performance.now() }
    this.pages.delete(key)
    this.pages.set(key, page)
    if (!known) this.settle(key, page)
    return page.entries
  }

  private async read(stream: StreamName, start: number, end: number): Promise<EncodedEvent[]> {
    const events = await this.readLog(stream, start, end)
    const now = performance.now()
    return events.map((event) => new EncodedEvent(event, now))
  }

  /** Counts the page when it is there. One that could not be read is asked for again. */
  private settle(key: string, page: Page): void {
    page.entries.then(
      (entries) => {
        if (this.pages.get(key) !== page) return
        page.bytes = entries.reduce((sum, { event }) => sum + eventBytes + event.json.length * copies, 0)
        this.bytes += page.bytes
        for (const [key, oldest] of this.pages) {
          if (this.bytes <= maxBytes || oldest === page) break
          this.drop(key)
        }
      },
      () => {
        if (this.pages.get(key) === page) this.drop(key)
      },
    )
  }

  private drop(key: string): void {
    this.bytes -= this.pages.get(key)?.bytes ?? 0
    this.pages.delete(key)
  }

  /** Drops what was read a while ago. */
  trim(now: number): void {
    for (const [key, { readAt }] of this.pages) if (now - readAt > maxAgeMs) this.drop(key)
  }

  /** The stream's history was rewritten: nothing of it may be told from memory. */
  forget(stream: StreamName): void {
    for (const [key, page] of this.pages) if (page.stream === stream) this.drop(key)
  }
}
