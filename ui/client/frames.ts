import type { EphemeralEventType } from '~/utils/contracts/event-types'
import type { ServerFrame } from '~/utils/contracts/frames'

/** The hub's frames as this client tells them apart. Types only, but for two small functions. */

export type SealedFrame = Extract<ServerFrame, { enc: unknown }>
export type OpenFrame = Exclude<ServerFrame, SealedFrame>
/** A logged event in clear: it has a stream, an epoch and a seq. */
export type LoggedFrame = Extract<OpenFrame, { seq: number }>
type EphemeralFrame = Extract<OpenFrame, { type: EphemeralEventType }>

/** What an application acts on: the logged events, and those that are told once to whoever is there. */
export type ApplicationFrame = LoggedFrame | EphemeralFrame
export type ApplicationType = ApplicationFrame['type']
export type FrameOf<T extends ApplicationType> = Extract<ApplicationFrame, { type: T }>

/** What the holder of a tracking token hears of one order. */
export type TrackedFrame = Exclude<Extract<OpenFrame, { type: 'order_status_changed' }>, LoggedFrame>

export type HubFrame = Exclude<OpenFrame, ApplicationFrame | TrackedFrame>
export type HubFrameOf<T extends HubFrame['type']> = Extract<HubFrame, { type: T }>
export type AcceptedFrame = Extract<HubFrame, { data: { storeSessions: number } }>

export type Position = { epoch: string; seq: number }
export type Positions = Record<string, Position>

/**
 * A frame of the contract, or undefined when it is none. Only `type` and `data` are looked at: the rest is taken at the
 * server's word, which its own tests hold against the contract.
 */
export function parseFrame(text: unknown): ServerFrame | undefined {
  try {
    const frame: unknown = JSON.parse(String(text))
    if (typeof frame !== 'object' || !frame || !('type' in frame) || !('data' in frame)) return undefined
    return typeof frame.type === 'string' && typeof frame.data === 'object' && frame.data ? (frame as ServerFrame) : undefined
  } catch {
    return undefined
  }
}

/** The store of a stream's name; undefined for a user's stream. */
export const storeOf = (stream: string): string | undefined => (stream.startsWith('store:') ? stream.slice(6) : undefined)
