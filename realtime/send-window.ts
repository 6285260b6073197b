/** Frames that wait; the list is shared by all the sockets that are to have them. */
export type HeldFrames = { frames: readonly string[]; bytes: number }

/** What may be on its way to a peer that answers pings, at most. */
const maxInFlightBytes = 128 * 1024
/** A peer that was asked this long ago, and has not answered while its bound was reached, does not read. */
const patienceMs = 100

/**
 * How much of what was sent a peer has not read, and what waits until it has. The kernel alone would take two to three
 * MiB for each socket before anybody saw that its peer no longer reads. So a protocol ping follows the frames now and
 * then: its pong says that all before it was read (RFC 6455 §5.5.3, answered in order by every client on its own). A peer
 * that has never answered one is left to the kernel, as a client may be that counts bytes and does nothing else.
 */
export class SendWindow {
  /** Bytes since the last ping that was answered. */
  private inFlightBytes = 0
  private hasAnswered = false
  private pings = 0
  /** The ping that was sent to be told what was read, and is not answered yet: its number, what was in flight, and when. */
  private asked: { ping: number; bytes: number; at: number } | null = null
  private held: HeldFrames[] | null = null
  heldBytes = 0

  constructor(private readonly maxHeldBytes: number) {}

  private get size(): number {
    return Math.min(maxInFlightBytes, this.maxHeldBytes)
  }

  /** Whether frames of this size may leave now; anything may when all before it was read. */
  hasRoom(bytes: number): boolean {
    if (!this.hasAnswered) return true
    return this.heldBytes === 0 && (this.inFlightBytes === 0 || this.inFlightBytes + bytes <= this.size)
  }

  /** Counts what leaves. True: a ping is to follow it. */
  pass(bytes: number): boolean {
    this.inFlightBytes += bytes
    return !this.asked && (!this.hasAnswered || this.inFlightBytes >= this.size / 2)
  }

  /** Keeps what has no room. True: a ping is to be sent. */
  hold(parcel: HeldFrames): boolean {
    this.held ??= []
    this.held.push(parcel)
    this.heldBytes += parcel.bytes
    return !this.asked
  }

  /** The payload of the next ping, which asks what was read unless an earlier one still does. */
  ping(): string {
    this.pings += 1
    this.asked ??= { ping: this.pings, bytes: this.inFlightBytes, at: performance.now() }
    return String(this.pings)
  }

  /** The peer has had its time to answer. */
  get isOverdue(): boolean {
    return this.asked !== null && performance.now() - this.asked.at > patienceMs
  }

  /** A pong came, of the ping with this payload or of that and all before it. False: it tells nothing new. */
  answer(payload: string): boolean {
    const ping = Number(payload)
    if (!this.asked || !(ping >= this.asked.ping && ping <= this.pings)) return false
    this.hasAnswered = true
    this.inFlightBytes -= this.asked.bytes
    this.asked = null
    return true
  }

  /** Takes out what waits and has room now, the oldest first; it still has to be counted by `pass`. */
  next(): HeldFrames | undefined {
    const oldest = this.held?.[0]
    if (!oldest || (this.inFlightBytes > 0 && this.inFlightBytes + oldest.bytes > this.size)) return undefined
    return this.takeHeld()
  }

  /** Something waits, and no pong is on its way that would let it go: a ping is to be sent. */
  get isStuck(): boolean {
    return this.heldBytes > 0 && !this.asked
  }

  /** Takes out what waits, whether it has room or not. */
  takeHeld(): HeldFrames | undefined {
    const oldest = this.held?.shift()
    if (!oldest) return undefined
    this.heldBytes -= oldest.bytes
    if (this.heldBytes === 0) this.held = null
    return oldest
  }
}
