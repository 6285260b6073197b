import { Assembly, Outbox } from '~/realtime/relay/envelope'
import type { Relay, RelayListener, RelayMessage } from '~/realtime/relay/relay'
import { logger } from '~/utils/logger'
import { everySecond } from '~/utils/ticker'

/** Without one's own probe, which leaves every second, coming back for this long, the relay is deaf. */
const deafMs = 4_000
/** An instance that was not heard for this long is gone. */
const goneMs = 6_000

/** The engine below: publishes a payload on the channel and hears all that is published there. */
export interface Channel {
  /** Rejects when the engine did not take it. */
  publish(payload: string): Promise<void>
  /** Makes the listening connection anew; resolves when it hears. */
  reopen(): Promise<void>
  close(): Promise<void>
}

/**
 * What both engines share: coalescing, probes that find a deaf connection, and knowing who else is there. Alone, an
 * instance sends nothing but its probes.
 */
export class PeerRelay implements Relay {
  private readonly instance = Bun.randomUUIDv7()
  private readonly peers = new Map<string, number>()
  private readonly outbox: Outbox
  private readonly assembly = new Assembly()
  private readonly stopTicking: () => void
  private heardOwnAt = performance.now()
  private isReopening = false
  private isStopped = false

  constructor(
    private readonly channel: Channel,
    maxPayloadLength: number,
    private readonly listener: RelayListener,
  ) {
    this.outbox = new Outbox(this.instance, maxPayloadLength, (payload) => {
      this.channel.publish(payload).catch((error: unknown) => logger.debug({ err: error }, 'relay: a message was not taken'))
    })
    this.stopTicking = everySecond(() => this.look())
    this.probe()
  }

  get isUp(): boolean {
    return performance.now() - this.heardOwnAt < deafMs
  }

  get hasPeers(): boolean {
    return this.peers.size > 0
  }

  send(message: RelayMessage): void {
    if (this.hasPeers && !this.isStopped) this.outbox.add(message)
  }

  /** For the engine: a payload was heard. */
  hear(payload: string): void {
    const envelope = this.assembly.read(payload)
    if (!envelope || this.isStopped) return
    if (envelope.instance === this.instance) {
      this.heardOwnAt = performance.now()
      return
    }
    const isNew = !this.peers.has(envelope.instance)
    this.peers.set(envelope.instance, performance.now())
    if (isNew) this.welcome()
    for (const message of envelope.messages) {
      if (message.kind === 'goodbye') this.lose(envelope.instance)
      else if (message.kind !== 'pull' || message.instance === this.instance) this.receive(envelope.instance, message)
    }
  }

  /** A new instance may have missed what was told before: it is probed at once, and both look at the log. */
  private welcome(): void {
    this.probe()
    this.listener.onGap()
  }

  private receive(instance: string, message: RelayMessage): void {
    try {
      this.listener.receive(instance, message)
    } catch (error) {
      logger.error({ err: error, kind: message.kind }, 'relay: a message could not be handled')
    }
  }

  private probe(): void {
    this.outbox.add({ kind: 'probe', version: this.listener.stateVersion() })
    this.outbox.flush()
  }

  private look(): void {
    const now = performance.now()
    for (const [instance, heardAt] of this.peers) if (now - heardAt > goneMs && this.isUp) this.lose(instance)
    this.probe()
    if (!this.isUp && !this.isReopening) void this.reopen()
  }

  private async reopen(): Promise<void> {
    this.isReopening = true
    logger.warn('relay: nothing is heard any more; connecting anew')
    try {
      await this.channel.reopen()
      this.probe()
      this.listener.onGap()
    } catch (error) {
      logger.warn({ err: error }, 'relay: connecting failed')
    } finally {
      this.isReopening = false
    }
  }

  private lose(instance: string): void {
    if (this.peers.delete(instance)) this.listener.onPeerGone(instance)
  }

  async stop(): Promise<void> {
    this.stopTicking()
    this.send({ kind: 'goodbye' })
    this.outbox.flush()
    this.isStopped = true
    await this.channel.close()
  }
}
