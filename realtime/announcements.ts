import type { Connection } from '~/realtime/connection'
import { type Filter, passesEphemeral } from '~/realtime/filter'
import type { Packet } from '~/realtime/outgoing'
import type { Subscription } from '~/realtime/subscription'
import type { View } from '~/utils/actor'

/** What is told and not logged: who came, who left, custom actions. `except` is the socket that said it. */
export type Announcement = { type: string; frame: string; views: readonly View[]; except?: Connection | undefined }

type Numbered = Announcement & { number: number; bytes: number }
/** In order. */
export type Announced = readonly Numbered[]

/** After each telling the process leaves announcements alone for so many times as long, so that most of its time is for other work. */
const restPerTelling = 10
/** A stream does not wait for others for more than so many times as long as its own telling takes: a small one is told soon. */
const patiencePerTelling = 100
const maxRestMs = 500

/**
 * When a stream's turn to be told comes. All streams of an instance share it: a crowd that comes back fills many stores at
 * once, and each of them taking its share of the time for itself would take all of it.
 */
export class TellingPace {
  /** When the tellings so far will have had their rest; `performance.now()`. */
  private freeAt = 0

  /** Takes the next turn for a telling that takes about so long. Answers in how many ms it comes. */
  reserve(tellingMs: number): number {
    const now = performance.now()
    const dueInMs = Math.min(Math.max(0, this.freeAt - now), tellingMs * patiencePerTelling, maxRestMs)
    this.freeAt = Math.max(now + dueInMs, Math.min(this.freeAt, now + maxRestMs)) + tellingMs * restPerTelling
    return dueInMs
  }

  /** A telling took so much longer than was reserved for it. */
  add(moreMs: number): void {
    if (moreMs > 0) this.freeAt += moreMs * restPerTelling
  }
}

/**
 * Announcements on their way to a stream's live sockets, in order. When thousands come back at once, each of them told to
 * everybody by itself would be millions of system calls. A socket gets those that were made while it was live.
 */
export class Announcements {
  private waiting: Numbered[] = []
  private made = 0
  /** How long the last telling took. */
  private tellingMs = 0

  constructor(private readonly pace: TellingPace) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0
  }

  /** Takes a turn for those that wait: answers in how many ms it comes, 0 when the process told nobody for a while. */
  takeTurn(): number {
    return this.pace.reserve(this.tellingMs)
  }

  add(announcement: Announcement): void {
    this.waiting.push({ ...announcement, number: this.made, bytes: Buffer.byteLength(announcement.frame) })
    this.made += 1
  }

  /** The socket goes live, or has been given what waits for it: it gets what is made from here on. */
  begin(subscription: Subscription): void {
    subscription.announcedUpTo = this.made
  }

  /** Takes all that wait, to be told now. */
  take(): Announced {
    const taken = this.waiting
    this.waiting = []
    return taken
  }

  /** The telling has ended. */
  told(tookMs: number): void {
    this.pace.add(tookMs - this.tellingMs)
    this.tellingMs = tookMs
  }

  /** What waits for one socket. */
  waitingFor(subscription: Subscription): Packet {
    const ours = this.waiting.filter((one) => isFor(one, subscription.view, subscription.filter))
    return packetOf(ours, subscription)
  }
}

export const isFor = ({ type, views }: Announcement, view: View, filter: Filter): boolean => views.includes(view) && passesEphemeral(type, filter)

/** The frames of these; with a socket, of those that it has not got and has not said itself. */
export function packetOf(announced: Announced, subscription?: Subscription): Packet {
  const own = subscription ? announced.filter((one) => isDue(one, subscription)) : announced
  return { frames: own.map(({ frame }) => frame), bytes: own.reduce((sum, { bytes }) => sum + bytes, 0) }
}

/** Whether a socket gets all of these: most do, and share one list. */
export const getsAll = (announced: Announced, subscription: Subscription): boolean => announced.every((one) => isDue(one, subscription))

const isDue = ({ number, except }: Numbered, { announcedUpTo, connection }: Subscription): boolean => number >= announcedUpTo && except !== connection
