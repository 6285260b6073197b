import type { ClientSnapshot } from '~/ui/client/client'
import type { Connector } from '~/ui/client/connector'
import type { Emitter } from '~/ui/client/emitter'
import type { ApplicationFrame, LoggedFrame, OpenFrame, SealedFrame } from '~/ui/client/frames'
import type { ClientEvents } from '~/ui/client/handlers'
import type { Handshake } from '~/ui/client/handshake'
import type { Link } from '~/ui/client/link'
import type { ClientLogger, ClientOptions } from '~/ui/client/options'
import type { Outgoing } from '~/ui/client/outgoing'
import type { Reloads } from '~/ui/client/reloads'
import type { Keyring } from '~/ui/client/sealed'
import type { Streams } from '~/ui/client/streams'
import type { Role } from '~/utils/contracts/common'
import type { ServerFrame } from '~/utils/contracts/frames'

export type DeliveryContext = {
  emitter: Emitter<ClientEvents>
  streams: Streams
  reloads: Reloads
  keyring: Keyring
  handshake: Handshake
  connector: Connector
  outgoing: Outgoing
  readSealed: ClientOptions['readSealed']
  me(): Pick<ClientSnapshot, 'userId' | 'state'>
  onRole(role: Role): void
  onSealed(frame: SealedFrame): void
  /** A stream may have lost its place. */
  onReload(): void
  logger: ClientLogger
}

/** Brings frames, in the order in which they came, to the handlers that wait for them. */
export class Delivery {
  constructor(private readonly context: DeliveryContext) {}

  /** Answers a promise when the next frame must wait for this one. Never throws. */
  handle(link: Link, frame: ServerFrame): undefined | Promise<void> {
    if ('enc' in frame) return this.context.streams.judge(frame) === 'known' ? undefined : this.#open(frame)
    this.#dispatch(link, frame)
    return undefined
  }

  async #open(frame: SealedFrame): Promise<void> {
    const { keyring, streams, logger } = this.context
    const opened = await keyring.open(frame).catch((error: unknown) => logger.debug?.('a sealed event could not be opened', error))
    const { enc: _enc, ...rest } = frame
    const read = opened ? asLogged({ ...rest, data: opened }) : await this.#readByRest(frame)
    // What a stopped client was still opening comes again when it resumes.
    if (this.context.me().state === 'stopped') return
    if (read) return this.#log(read)
    streams.move(frame.stream, frame)
    this.context.onSealed(frame)
  }

  async #readByRest(frame: SealedFrame): Promise<LoggedFrame | undefined> {
    try {
      return await this.context.readSealed?.(frame)
    } catch (error) {
      this.context.logger.warn?.('a sealed event could not be read by REST', error)
      return undefined
    }
  }

  #dispatch(link: Link, frame: OpenFrame): void {
    const { emitter, handshake, connector, outgoing } = this.context
    if ('seq' in frame) return this.#log(frame)
    switch (frame.type) {
      case 'sync':
        return this.#sync(link, frame)
      case 'user_joined':
      case 'user_left':
      case 'custom_action':
        return this.#tell(frame)
      case 'order_status_changed':
        return emitter.emit('tracked', frame)
      case 'subscribed':
        if ('orderId' in frame.data) emitter.emit('tracked', { ...frame, data: frame.data })
        return
      case 'unsubscribed':
        if (frame.data.reason) handshake.end(frame.data.storeId)
        return emitter.emit('unsubscribed', frame)
      case 'goaway':
        if (link === connector.current) connector.moveAfter(frame.data.reconnectAfterMs)
        return
      case 'session_expiring':
        void handshake.begin(link)
        return emitter.emit('session_expiring', frame)
      case 'error':
        if (frame.data.code === 'rate_limited') outgoing.pause(frame.data.retryAfterMs ?? 1000)
        return emitter.emit('error', frame)
      case 'ack':
        return emitter.emit('ack', frame)
    }
  }

  /** A logged event: delivered when it is news, kept back while its stream waits for a snapshot. */
  #log(frame: LoggedFrame): void {
    const { streams, reloads, logger } = this.context
    const { stream, epoch, seq } = frame
    if (reloads.hold(stream, frame, () => this.#log(frame))) return
    const verdict = streams.judge(frame)
    if (verdict === 'known') return
    if (verdict === 'gap') {
      logger.error?.('events are missing before this one', { stream, epoch, seq })
      streams.restart(stream, { epoch, seq: seq - 1 })
      reloads.begin(stream, 'gap')
      this.context.onReload()
      return this.#log(frame)
    }
    streams.move(stream, frame)
    this.#tell(frame)
    this.#lookAtRole(frame)
  }

  /** Another role sees other events: what was read as the old one is no longer the whole. */
  #lookAtRole(frame: LoggedFrame): void {
    const { streams, reloads, handshake, me } = this.context
    if (frame.type !== 'store_updated' || frame.data.action !== 'member_changed' || frame.data.userId !== me().userId) return
    if (frame.stream !== `store:${frame.storeId}`) return
    handshake.setRole(frame.data.role)
    this.context.onRole(frame.data.role)
    streams.restart(frame.stream, frame)
    reloads.begin(frame.stream, 'role_changed')
    this.context.onReload()
  }

  #sync(link: Link, { data }: Extract<OpenFrame, { type: 'sync' }>): void {
    const { streams, reloads, handshake } = this.context
    for (const [stream, position] of Object.entries(data.streams)) {
      const move = () => streams.move(stream, position)
      if (!reloads.hold(stream, position, move)) move()
    }
    if (data.live) return handshake.arrived(link, Object.keys(data.streams))
    link.measure()
    handshake.acknowledge(link)
  }

  #tell(frame: ApplicationFrame): void {
    const { emitter } = this.context
    emitter.emit('*', frame)
    emitter.emit(frame.type, asOwn(frame))
  }
}

/** The server sealed the data of an event of this type: opened, the frame is that event. */
const asLogged = (frame: object) => frame as LoggedFrame

/** A frame is of its own type, which the compiler cannot follow through the table of handlers. */
const asOwn = (frame: ApplicationFrame) => frame as never
