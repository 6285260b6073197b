import { type DevicePosition, saveDevicePositions } from '~/db/hub-reads'
import { logger } from '~/utils/logger'

const flushMs = 500
/** Rows of one statement. */
const maxBatch = 1_000

/**
 * What devices have acknowledged: the queue of a till that lost its local state. Collected and written in batches, not
 * a write an ack; `flush` before reading, and before a socket counts as gone.
 */
export class AcknowledgedPositions {
  private pending = new Map<string, DevicePosition & { userId: string; deviceId: string }>()
  /** Settles when what is pending now has been written. */
  private stored = Promise.withResolvers<void>()
  private timer: Timer | undefined
  private writing: Promise<void> = Promise.resolve()

  /** Resolves when the position, or a later one, is stored. */
  acknowledge(userId: string, deviceId: string, position: DevicePosition): Promise<void> {
    const key = `${userId} ${position.stream} ${deviceId}`
    const known = this.pending.get(key)
    if (!known || known.epoch !== position.epoch || known.seq < position.seq) this.pending.set(key, { userId, deviceId, ...position })
    this.timer ??= setTimeout(() => void this.flush(), flushMs)
    return this.stored.promise
  }

  /** Writes what is pending. A failed write is tried again with the next one. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    this.writing = this.writing.then(() => this.write())
    return this.writing
  }

  private async write(): Promise<void> {
    if (this.pending.size === 0) return
    const { pending, stored } = this
    this.pending = new Map()
    this.stored = Promise.withResolvers()
    const positions = [...pending.values()]
    try {
      for (let start = 0; start < positions.length; start += maxBatch) await saveDevicePositions(positions.slice(start, start + maxBatch))
      stored.resolve()
    } catch (error) {
      logger.warn({ err: error }, 'websocket: acknowledged positions could not be written')
      for (const [key, position] of pending) if (!this.pending.has(key)) this.pending.set(key, position)
      void this.stored.promise.then(stored.resolve)
      this.timer ??= setTimeout(() => void this.flush(), flushMs * 4)
    }
  }
}
