import { type Head, headsQuestion } from '~/db/comparison'
import { readEvents } from '~/db/events'
import { TellingPace } from '~/realtime/announcements'
import { LiveStream, type StreamHost } from '~/realtime/live-stream'
import { LogPages, type ReadLog } from '~/realtime/log-pages'
import type { LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { metrics } from '~/utils/metrics'

/** Rows of one read of the log: an event may hold a product with a long description. */
const readLimit = 200
/** A stream without listeners keeps its ring this long, for those that come back. */
const lingerMs = 60_000
/** Longer than any look-up between `listen` and the subscription may take. */
const minLingerMs = 20_000
const maxLingering = 5_000
const headsPerRead = 1_000

const readLog: ReadLog = (stream, after, upTo) => readEvents(stream, after, upTo, readLimit)

/** Streams with their heads when they were put into a question. */
export type Comparison = { streams: LiveStream[]; seqs: number[]; question: string }

/** The live streams of this instance, and their agreement with the log. */
export class StreamRegistry {
  private readonly streams = new Map<StreamName, LiveStream>()

  /** For those further behind than a ring reaches. */
  readonly pages = new LogPages(readLog)

  /** Made anew when streams came, went or moved on: in most seconds of most shops none does. */
  private prepared: Comparison[] | null = null

  private readonly host: StreamHost

  constructor(host: Omit<StreamHost, 'readLog' | 'pace'>) {
    this.host = { ...host, readLog, pace: new TellingPace() }
  }

  get(name: StreamName): LiveStream | undefined {
    return this.streams.get(name)
  }

  get size(): number {
    return this.streams.size
  }

  /** The stream, listening from now on. Its caller reads the head afterwards and then calls `reach`. */
  listen(name: StreamName): LiveStream {
    const known = this.streams.get(name)
    if (known) {
      known.idleSince = performance.now()
      return known
    }
    const stream = new LiveStream(name, this.host)
    stream.idleSince = performance.now()
    this.streams.set(name, stream)
    return stream
  }

  /**
   * The stream, brought at least to a head that was read after `listen`. A log that was replaced since breaks the stream
   * for those who are in it and begins it anew. Throws when the log cannot be read.
   */
  async reach(name: StreamName, head: { epoch: string; seq: number; keyGeneration: number }): Promise<LiveStream> {
    const known = this.listen(name)
    if (known.isOpen && known.epoch !== head.epoch) this.host.onBroken(known, 'another epoch')
    const stream = this.listen(name)
    if (!stream.isOpen) {
      stream.open(head)
      this.prepared = null
    } else await stream.advanceTo(head.seq)
    return stream
  }

  publish(events: readonly LoggedEvent[]): void {
    for (const [name, ofStream] of Map.groupBy(events, (event) => event.stream)) this.streams.get(name)?.publish(ofStream)
  }

  /** A relay's hint that a stream reaches `seq`. */
  hint(name: StreamName, seq: number): void {
    const stream = this.streams.get(name)
    if (stream?.isOpen) stream.hint(seq)
  }

  drop(stream: LiveStream): void {
    stream.dispose()
    // A newer one of the same name stays.
    if (this.streams.get(stream.name) === stream) this.streams.delete(stream.name)
    this.prepared = null
  }

  /**
   * What to ask the log about the open streams, in parts; at least one. Those that nobody listens to any more are asked for as
   * well, and passed over: so the question need not change with each listener.
   */
  get comparisons(): readonly Comparison[] {
    if (!this.prepared?.every(isStillAsKnown)) this.prepared = this.prepareComparisons()
    return this.prepared
  }

  private prepareComparisons(): Comparison[] {
    const open = [...this.streams.values()].filter((stream) => stream.isOpen)
    const comparisons: Comparison[] = []
    for (let start = 0; start === 0 || start < open.length; start += headsPerRead) {
      const streams = open.slice(start, start + headsPerRead)
      comparisons.push({ streams, seqs: streams.map(({ headSeq }) => headSeq), question: headsQuestion(streams) })
    }
    return comparisons
  }

  /** Whatever no news told of arrives now. Answers how many events the furthest stream was behind. */
  catchUp({ streams, seqs }: Comparison, heads: readonly Head[]): number {
    if (heads.length === 0) return 0
    const before = new Map(streams.map((stream, index) => [stream.name, { stream, seq: seqs[index] ?? 0 }]))
    let furthest = 0
    for (const head of heads) {
      const { stream, seq } = before.get(head.stream) ?? { seq: 0 }
      if (!stream || stream.isGone || (stream.subscriptions.size === 0 && stream.guests === 0)) continue
      if (head.epoch !== stream.epoch || head.seq < seq) this.host.onBroken(stream, 'the log was replaced by an older one')
      else if (head.seq > stream.headSeq) {
        metrics.reconcileFound.inc()
        furthest = Math.max(furthest, head.seq - stream.headSeq)
        stream.hint(head.seq)
      }
    }
    return furthest
  }

  /** Forgets what nobody listens to any more, and what the rings hold beyond their age. */
  tidy(now: number): void {
    const idle = [...this.streams.values()].filter((stream) => stream.subscriptions.size === 0 && stream.guests === 0)
    const excess = idle.length - maxLingering
    for (const [index, stream] of idle.entries()) if (now - stream.idleSince > (index < excess ? minLingerMs : lingerMs)) this.drop(stream)
    for (const stream of this.streams.values()) stream.ring.trim(now)
    this.pages.trim(now)
  }

  /** Rewritten history (a person was removed from it) must not be told from memory. */
  forget(name: StreamName): void {
    this.streams.get(name)?.ring.clear()
    this.pages.forget(name)
  }

  dispose(): void {
    for (const stream of this.streams.values()) stream.dispose()
    this.streams.clear()
  }
}

/** An older number would hide that the log was replaced by one which ends there. */
const isStillAsKnown = ({ streams, seqs }: Comparison): boolean => streams.every(({ headSeq }, index) => headSeq === seqs[index])
