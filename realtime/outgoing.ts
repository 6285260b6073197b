import type { Connection } from '~/realtime/connection'
import type { Subscription } from '~/realtime/subscription'
import { logger } from '~/utils/logger'

/** Frames for one socket or many, in order, and their length together. */
export type Packet = { frames: string[]; bytes: number }
/** A packet, and the sockets that are to have it; those before `next` do. */
type Parcel = Packet & { recipients: readonly Subscription[]; next: number }

/** Frames on their way to a crowd, in order: they can be handed out bit by bit, so that other work is let in between. */
export class Outgoing {
  private readonly parcels: Parcel[] = []

  get isEmpty(): boolean {
    return this.parcels.length === 0
  }

  add({ frames, bytes }: Packet, recipients: readonly Subscription[]): void {
    if (frames.length > 0 && recipients.length > 0) this.parcels.push({ frames, bytes, recipients, next: 0 })
  }

  /** Hands out until everybody has everything or the time is over; answers how long it took, in ms. */
  send(forMs: number): number {
    const startedAt = performance.now()
    let tookMs = 0
    for (let parcel = this.parcels[0]; parcel && tookMs < forMs; parcel = this.parcels[0]) {
      const subscription = parcel.recipients[parcel.next]
      parcel.next += 1
      if (!subscription) this.parcels.shift()
      else if (!subscription.isEnded) sendSafely(subscription.connection, parcel)
      tookMs = performance.now() - startedAt
    }
    return tookMs
  }
}

/** One packet behind the other. */
export const joined = (first: Packet, second: Packet): Packet =>
  second.frames.length === 0 ? first : { frames: [...first.frames, ...second.frames], bytes: first.bytes + second.bytes }

/** A fault in here must not leave a hole: the socket comes back and resumes. */
function sendSafely(connection: Connection, { frames, bytes }: Parcel): void {
  try {
    connection.sendAll(frames, bytes)
  } catch (error) {
    logger.error({ err: error, sessionId: connection.sessionId }, 'websocket: delivery failed')
    connection.close(1011)
  }
}
