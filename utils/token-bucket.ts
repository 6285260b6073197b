/**
 * A token bucket (RFC 2697's idea, one rate): `burst` at once, refilled at `perSecond`. Two numbers, because one is held
 * for every socket; no library keeps its state that small.
 */
export class TokenBucket {
  private tokens: number
  private refilledAt: number

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    now: number,
  ) {
    this.tokens = burst
    this.refilledAt = now
  }

  /** Takes one token. Returns 0, or the milliseconds until the next one is there. `now` is monotonic, in ms. */
  take(now: number): number {
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.refilledAt) * this.perSecond) / 1000)
    this.refilledAt = now
    if (this.tokens < 1) return ((1 - this.tokens) * 1000) / this.perSecond
    this.tokens -= 1
    return 0
  }

  get remaining(): number {
    return Math.floor(this.tokens)
  }

  /** Whether it would be full at `now`: such a bucket says no more than a new one. */
  isFull(now: number): boolean {
    return this.tokens + ((now - this.refilledAt) * this.perSecond) / 1000 >= this.burst
  }
}
