import type postgres from 'postgres'
import type { IsPrepared } from '~/db/prepared'
import type { Transaction } from '~/db/session'
import { Writer } from '~/db/writer'
import { unavailable } from '~/utils/errors'

/** A request that finds no connection for this long is told so. */
const maxWaitMs = 5_000
/** Writes of one store wait for each other anyway: its streams have one counter row each. */
const maxPerLane = 4

type Waiting = { lane: string; resolve(writer: Writer): void; reject(error: Error): void; timer: Timer }

/** The connections that carry transactions, handed out in the order of asking; a full lane lets others pass. */
export class TransactionPool {
  private readonly idle: Writer[]
  private readonly writers: Writer[]
  private waiting: Waiting[] = []
  private readonly running = new Map<string, number>()

  constructor(size: number, connect: (onClose: () => void) => postgres.Sql, isPrepared: IsPrepared) {
    this.writers = Array.from({ length: size }, () => new Writer(connect, isPrepared))
    this.idle = [...this.writers]
  }

  /** See `Transact`. Throws 503 when no connection came free in time. */
  async transact<T>(mode: string, lane: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const writer = await this.acquire(lane)
    try {
      return await writer.transact(mode, work)
    } finally {
      this.release(writer, lane)
    }
  }

  /** Gives all connections up: what runs on them fails now. */
  abandon(): void {
    for (const writer of this.writers) writer.abandon()
  }

  async close(): Promise<void> {
    await Promise.all(this.writers.map((writer) => writer.close()))
  }

  private acquire(lane: string): Promise<Writer> | Writer {
    const writer = this.hasRoom(lane) ? this.idle.pop() : undefined
    if (writer) {
      this.enter(lane)
      return writer
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { lane, resolve, reject, timer: setTimeout(() => this.giveUp(waiting), maxWaitMs) }
      this.waiting.push(waiting)
    })
  }

  private giveUp(waiting: Waiting): void {
    this.waiting = this.waiting.filter((other) => other !== waiting)
    waiting.reject(unavailable('The resource is busy; try again'))
  }

  private release(writer: Writer, lane: string): void {
    const left = (this.running.get(lane) ?? 1) - 1
    if (left > 0) this.running.set(lane, left)
    else this.running.delete(lane)
    const index = this.waiting.findIndex((waiting) => this.hasRoom(waiting.lane))
    const [next] = index < 0 ? [] : this.waiting.splice(index, 1)
    if (!next) return void this.idle.push(writer)
    clearTimeout(next.timer)
    this.enter(next.lane)
    next.resolve(writer)
  }

  private enter(lane: string): void {
    this.running.set(lane, (this.running.get(lane) ?? 0) + 1)
  }

  private hasRoom(lane: string): boolean {
    return lane === '' || (this.running.get(lane) ?? 0) < maxPerLane
  }
}
