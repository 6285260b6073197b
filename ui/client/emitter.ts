/** Handlers by kind of event. A handler may remove itself or others while it runs; one that throws costs only itself. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, Set<(value: never) => void>>()

  constructor(private readonly onThrow: (error: unknown) => void) {}

  /** Answers how to take the handler away again; the same function may be added more than once. */
  on<K extends keyof Events>(kind: K, handler: (value: Events[K]) => void): () => void {
    const own = (value: Events[K]) => handler(value)
    const known = this.#handlers.get(kind) ?? new Set()
    this.#handlers.set(kind, known)
    known.add(own)
    return () => {
      known.delete(own)
      if (known.size === 0 && this.#handlers.get(kind) === known) this.#handlers.delete(kind)
    }
  }

  emit<K extends keyof Events>(kind: K, value: Events[K]): void {
    const known = this.#of(kind)
    if (!known) return
    for (const handler of [...known]) {
      // Removed by a handler before it: it hears nothing more.
      if (!known.has(handler)) continue
      try {
        handler(value)
      } catch (error) {
        this.onThrow(error)
      }
    }
  }

  /** Handlers of a kind were added by `on`, which took only those that accept its value. */
  #of<K extends keyof Events>(kind: K) {
    return this.#handlers.get(kind) as Set<(value: Events[K]) => void> | undefined
  }

  get size(): number {
    let size = 0
    for (const known of this.#handlers.values()) size += known.size
    return size
  }
}
