import type { View } from '~/utils/actor'
import type { StreamName } from '~/utils/contracts/logged-event'

/**
 * How instances tell each other. Messages may be lost, doubled, late or out of order: the event log is the truth, and
 * whatever travels here is a hint that it has grown, or soft state that heals by itself.
 */

export type RelayMessage =
  /** A stream of the log reaches `seq`. */
  | { kind: 'head'; stream: StreamName; seq: number }
  /** A frame that is not logged, for the live sockets of a stream. */
  | { kind: 'tell'; stream: StreamName; type: string; frame: string; views: View[] }
  | { kind: 'ended'; sessionIds: string[] }
  /** Memberships changed: remembered rights must be asked for anew. */
  | { kind: 'rights' }
  | { kind: 'forget'; stream: StreamName }
  | StateMessage
  | { kind: 'pull'; instance: string }
  /** Sent every second: "I am here", and for its sender the proof that the relay is not deaf. */
  | { kind: 'probe'; version: number }
  | { kind: 'goodbye' }

/** Soft state of one instance, the whole or what changed from one version to another; realtime/shared-state.ts. */
export type StateMessage = { kind: 'state'; since?: number; version: number; entries: [key: string, value: unknown][]; isWhole: boolean }

export type Received = (instance: string, message: RelayMessage) => void

export interface Relay {
  /** Never throws and never waits. */
  send(message: RelayMessage): void
  /** Whether messages are known to arrive: false at most 5 s after the relay went deaf. */
  readonly isUp: boolean
  /** Whether other instances are there to be told. */
  readonly hasPeers: boolean
  stop(): Promise<void>
}

export type RelayListener = {
  receive: Received
  /** Messages may have been missed: compare with the log now. */
  onGap(): void
  /** An instance is gone, orderly or not. */
  onPeerGone(instance: string): void
  /** The version of this instance's soft state, for its probes. */
  stateVersion(): number
}
