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

/** So many times as long as telling the crowd took, it is left alone: those who come and go are told of together. */
const restPerTelling = 10
const minRestMs = 1
const maxRestMs = 500

/**
 * Announcements on their way to a stream's live sockets, in order. When thousands come back at once, each of them told to
 * everybody by itself would be millions of system calls. A socket gets those that were made while it was live.
 */
export class Announcements {
  private waiting: Numbered[] = []
  private made = 0
  private toldAt = Number.NEGATIVE_INFINITY
  private restMs = minRestMs

  get isEmpty(): boolean {
    return this.waiting.length === 0
  }

  /** How long those that wait have to, in ms; not at all when the crowd was not told anything for a while. */
  get dueInMs(): number {
    return Math.max(0, this.toldAt + this.restMs - performance.now())
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
    this.toldAt = performance.now()
    this.restMs = Math.min(maxRestMs, Math.max(minRestMs, tookMs * restPerTelling))
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
