/** Remembers answers for a short time: what is looked up at every request, and rarely changes. */

const maxEntries = 20_000

/**
 * `ttlMs` bounds how long a change elsewhere can go unnoticed; `clear` makes the next question ask anew. An answer that
 * was on its way when `clear` came is not kept. `null` and `undefined` are never kept.
 */
export class ShortMemory<Value> {
  private entries = new Map<string, { value: Value; until: number }>()
  /** Questions under way, since the last `clear`: whoever asks the same waits for the same answer. */
  private asking = new Map<string, Promise<Value | null>>()
  private generation = 0

  constructor(private readonly ttlMs: number) {}

  async remember(key: string, ask: () => Promise<Value | null>): Promise<Value | null> {
    const known = this.entries.get(key)
    if (known && known.until > performance.now()) return known.value
    const { asking } = this
    const asked = asking.get(key) ?? this.keep(key, ask).finally(() => asking.delete(key))
    asking.set(key, asked)
    return asked
  }

  private async keep(key: string, ask: () => Promise<Value | null>): Promise<Value | null> {
    const { generation } = this
    const value = await ask()
    if (value !== null && generation === this.generation) {
      if (this.entries.size >= maxEntries) this.entries.clear()
      this.entries.set(key, { value, until: performance.now() + this.ttlMs })
    }
    return value
  }

  clear(): void {
    this.generation += 1
    this.entries.clear()
    this.asking = new Map()
  }
}
