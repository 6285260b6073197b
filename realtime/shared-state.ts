import type { RelayMessage, StateMessage } from '~/realtime/relay/relay'
import type { Role } from '~/utils/contracts/common'

/** A user in a store; a user's number of sockets; the user of a WebSocket session. */
export type SharedFact = PresenceEntry | { count: number; authenticated: number } | { userId: string }

export type PresenceEntry = { name: string; role: Role; sessions: number }

type Send = (message: RelayMessage) => void

/** Called when a key's value on some instance changed; `undefined` is gone. */
type OnChange = (key: string) => void

/**
 * A small map that every instance keeps for itself and tells the others: presence, sockets per user, whose socket it is.
 * Each change has a version; probes carry the newest one, so a lost message is noticed within a probe's time and the whole
 * is asked for. What an instance held is gone with it.
 */
export class SharedState {
  private readonly own = new Map<string, SharedFact>()
  private readonly others = new Map<string, { version: number; values: Map<string, SharedFact> }>()
  private changes = 0

  constructor(
    private readonly send: Send,
    private readonly onChange: OnChange,
  ) {}

  get version(): number {
    return this.changes
  }

  set(key: string, value: SharedFact | undefined): void {
    if (value === undefined) this.own.delete(key)
    else this.own.set(key, value)
    this.changes += 1
    this.send({ kind: 'state', since: this.changes - 1, version: this.changes, entries: [[key, value ?? null]], isWhole: false })
    this.onChange(key)
  }

  get(key: string): SharedFact | undefined {
    return this.own.get(key)
  }

  /** The values of a key on all instances. */
  everywhere(key: string): SharedFact[] {
    const facts: SharedFact[] = []
    const own = this.own.get(key)
    if (own) facts.push(own)
    for (const { values } of this.others.values()) {
      const fact = values.get(key)
      if (fact) facts.push(fact)
    }
    return facts
  }

  receive(instance: string, message: StateMessage): void {
    const other = this.others.get(instance) ?? { version: 0, values: new Map<string, SharedFact>() }
    this.others.set(instance, other)
    // Instances of the version before tell of one change at a time, and do not say since when.
    const isNext = (message.since ?? message.version - 1) === other.version
    if (!message.isWhole && !isNext) {
      if (message.version > other.version) this.pull(instance)
      return
    }
    const touched = new Set(message.entries.map(([key]) => key))
    if (message.isWhole) {
      for (const key of other.values.keys()) touched.add(key)
      other.values.clear()
    }
    other.version = message.version
    for (const [key, value] of message.entries) {
      if (value === null) other.values.delete(key)
      else other.values.set(key, asFact(value))
    }
    for (const key of touched) this.onChange(key)
  }

  /** A probe says how far an instance has come. */
  compare(instance: string, version: number): void {
    if ((this.others.get(instance)?.version ?? 0) !== version) this.pull(instance)
  }

  private pull(instance: string): void {
    this.send({ kind: 'pull', instance })
  }

  /** Somebody asks for the whole of one instance; only that one answers. */
  tellWhole(): void {
    this.send({ kind: 'state', since: 0, version: this.changes, entries: [...this.own], isWhole: true })
  }

  drop(instance: string): void {
    const gone = this.others.get(instance)
    this.others.delete(instance)
    for (const key of gone?.values.keys() ?? []) this.onChange(key)
  }
}

/** Written by an instance of this same program. */
const asFact = (value: unknown) => value as SharedFact
