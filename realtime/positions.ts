import { type DevicePosition, saveDevicePositions } from '~/db/hub-reads'
import type { StreamName } from '~/utils/contracts/logged-event'
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
  private timer: Timer | undefined
  private writing: Promise<void> = Promise.resolve()

  acknowledge(userId: string, deviceId: string, position: DevicePosition): void {
    const key = `${userId} ${position.stream} ${deviceId}`
    const known = this.pending.get(key)
    if (known && known.epoch === position.epoch && known.seq >= position.seq) return
    this.pending.set(key, { userId, deviceId, stream: position.stream as StreamName, epoch: position.epoch, seq: position.seq })
    this.timer ??= setTimeout(() => void this.flush(), flushMs)
  }

  /** Writes what is pending. A failed write is tried again with the next one. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    this.writing = this.writing.then(() => this.write())
    return this.writing
  }

  private async write(): Promise<void> {
    const batch = [...this.pending].slice(0, maxBatch)
    if (batch.length === 0) return
    for (const [key] of batch) this.pending.delete(key)
    try {
      await saveDevicePositions(batch.map(([, position]) => position))
    } catch (error) {
      logger.warn({ err: error }, 'websocket: acknowledged positions could not be written')
      for (const [key, position] of batch) if (!this.pending.has(key)) this.pending.set(key, position)
      this.timer ??= setTimeout(() => void this.flush(), flushMs * 4)
      return
    }
    if (this.pending.size > 0) await this.write()
  }
}
