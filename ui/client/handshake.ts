import type { ClientSnapshot } from '~/ui/client/client'
import type { Connector } from '~/ui/client/connector'
import { NotSignedIn } from '~/ui/client/errors'
import type { AcceptedFrame } from '~/ui/client/frames'
import type { Link } from '~/ui/client/link'
import type { ClientLogger, ClientOptions, Identity, StoreFilter } from '~/ui/client/options'
import type { Reloads } from '~/ui/client/reloads'
import type { Streams } from '~/ui/client/streams'
import type { ServerFrame, StreamAnswer } from '~/utils/contracts/frames'

type Facts = Pick<ClientSnapshot, 'sessionId' | 'userId' | 'storeId' | 'role' | 'userSessions' | 'storeSessions' | 'expiresAt'>

export type HandshakeContext = {
  identify: ClientOptions['identify']
  deviceId: string | undefined
  streams: Streams
  reloads: Reloads
  connector: Connector
  logger: ClientLogger
  onAccepted(link: Link, facts: Partial<Facts>): void
  /** Every stream that was asked for on this link is live. */
  onLive(link: Link): void
}

type Member = Extract<Identity, { userId: string }>

const joinPrefix = 'join:'
/** Refusals that another attempt may not meet. */
const passing: readonly string[] = ['unavailable', 'rate_limited', 'too_many_connections', 'invalid_message']

/** Who the client is on a link and what it follows there: `authenticate`, `subscribe`, and their answers. */
export class Handshake {
  readonly #joined = new Map<string, StoreFilter>()
  readonly #acknowledged = new Map<string, number>()
  #counter = 0
  #userId: string | undefined
  #storeId: string | undefined
  #isFiltered = false

  constructor(private readonly context: HandshakeContext) {}

  /** Signs in on a new link, or again on one that is live. */
  async begin(link: Link): Promise<void> {
    const { connector, logger } = this.context
    try {
      const identity = await this.context.identify()
      this.#counter += 1
      const id = `sign-in-${this.#counter}`
      if ('trackingToken' in identity) {
        if (link.send({ type: 'subscribe', id, data: identity })) link.authenticating = id
        return
      }
      if (link.phase === 'live' && identity.credential === undefined) return
      const message = { type: 'authenticate', id, data: this.#dataFor(identity, link) }
      if (link.send(message)) link.authenticating = id
    } catch (error) {
      logger.warn?.('the identity is not known', error)
      if (error instanceof NotSignedIn) connector.refuse({ code: 4401, reason: error.message })
      else if (link.phase !== 'live') connector.giveUpOn(link, 'the identity is not known', 0)
    }
  }

  #dataFor(identity: Member, link: Link): Record<string, unknown> {
    const { streams, deviceId } = this.context
    // Positions of one user are nothing to another, who may see more.
    if (this.#userId !== undefined && this.#userId !== identity.userId) streams.clear()
    this.#userId = identity.userId
    this.#storeId = identity.storeId ?? undefined
    this.#isFiltered = identity.filter?.events !== undefined || identity.filter?.where !== undefined
    const resume = link.phase === 'live' ? {} : streams.positions([`user:${identity.userId}`, `store:${identity.storeId}`])
    return {
      userId: identity.userId,
      ...(identity.storeId && { storeId: identity.storeId }),
      ...(typeof identity.credential === 'string' && { token: identity.credential }),
      ...(typeof identity.credential === 'object' && { ticket: identity.credential.ticket }),
      ...(deviceId !== undefined && { deviceId }),
      ...identity.filter,
      ...(Object.keys(resume).length > 0 && { resume }),
    }
  }

  /** Handles an answer to what this sent; false: the frame is none. */
  takes(link: Link, frame: ServerFrame): boolean {
    const replyTo = replyOf(frame)
    if (replyTo === undefined) return false
    if (replyTo === link.authenticating) {
      link.authenticating = undefined
      if (frame.type === 'error') this.#refused(link, frame.data)
      else if (frame.type === 'general_notification' && 'storeSessions' in frame.data) this.#accepted(link, frame.data)
      else if (frame.type === 'subscribed') {
        link.accepted()
        this.context.onAccepted(link, {})
        this.context.onLive(link)
        return false
      }
      return true
    }
    if (replyTo.startsWith(joinPrefix)) this.#answered(link, replyTo.slice(joinPrefix.length), frame)
    return false
  }

  #refused(link: Link, { code, message, retryAfterMs = 0 }: Extract<ServerFrame, { type: 'error' }>['data']): void {
    if (!passing.includes(code)) return this.context.connector.refuse({ code: 4401, reason: message })
    if (link.phase !== 'live') this.context.connector.giveUpOn(link, message, retryAfterMs)
  }

  #accepted(link: Link, data: AcceptedFrame['data']): void {
    const { sessionId, userId, storeId, role, userSessions, storeSessions, expiresAt } = data
    this.#follow(link, data.streams)
    this.setRole(role)
    for (const [joined, filter] of this.#joined) if (joined !== storeId) this.#subscribe(link, joined, filter)
    link.accepted()
    this.context.onAccepted(link, { sessionId, userId, storeId, role, userSessions, storeSessions, expiresAt })
  }

  #follow(link: Link, answers: Readonly<Partial<Record<string, StreamAnswer>>>): void {
    const { streams, reloads } = this.context
    for (const [stream, answer] of Object.entries(answers)) {
      if (!answer) continue
      link.pending.add(stream)
      if (answer.resumed) streams.resume(stream, answer)
      else {
        streams.restart(stream, answer)
        reloads.begin(stream, answer.reason ?? 'first')
      }
    }
  }

  /** Only an owner's or a manager's socket without a filter sees every event of the store. */
  setRole(role: string | null): void {
    if (this.#storeId) this.context.streams.setGapless(`store:${this.#storeId}`, !this.#isFiltered && (role === 'owner' || role === 'manager'))
  }

  /** Tells the hub how far this device has come, for the day it has lost its own memory of it. */
  acknowledge(link: Link): void {
    if (this.context.deviceId === undefined) return
    for (const [stream, { epoch, seq }] of Object.entries(this.context.streams.positions())) {
      if (this.#acknowledged.get(stream) === seq) continue
      this.#acknowledged.set(stream, seq)
      link.send({ type: 'ack', data: { stream, epoch, seq } })
    }
  }

  // Other stores

  join(storeId: string, filter: StoreFilter): () => void {
    this.#joined.set(storeId, filter)
    for (const link of this.context.connector.accepted) {
      this.#subscribe(link, storeId, filter)
      link.phase = 'catching_up'
    }
    return () => {
      if (this.#joined.get(storeId) === filter) this.#leave(storeId)
    }
  }

  #leave(storeId: string): void {
    this.#joined.delete(storeId)
    for (const link of this.context.connector.accepted) link.send({ type: 'unsubscribe', data: { storeId } })
    this.end(storeId)
  }

  #subscribe(link: Link, storeId: string, filter: StoreFilter): void {
    const stream = `store:${storeId}`
    const resume = this.context.streams.positions([stream])
    link.pending.add(stream)
    link.send({ type: 'subscribe', id: joinPrefix + storeId, data: { storeId, ...filter, ...(resume[stream] && { resume }) } })
  }

  #answered(link: Link, storeId: string, frame: ServerFrame): void {
    const { logger } = this.context
    if (frame.type === 'subscribed' && 'streams' in frame.data) this.#follow(link, frame.data.streams)
    if (frame.type !== 'error') return
    logger.warn?.(`the store ${storeId} cannot be followed`, frame.data)
    const filter = this.#joined.get(storeId)
    if (filter && passing.includes(frame.data.code)) {
      setTimeout(() => this.#joined.has(storeId) && this.#subscribe(link, storeId, filter), frame.data.retryAfterMs ?? 1000)
      return
    }
    this.#joined.delete(storeId)
    this.arrived(link, [`store:${storeId}`])
  }

  /** The store is no longer followed, by our own wish or the hub's. */
  end(storeId: string): void {
    const stream = `store:${storeId}`
    this.#joined.delete(storeId)
    this.context.reloads.drop(stream)
    this.context.streams.forget(stream)
    for (const link of this.context.connector.accepted) this.arrived(link, [stream])
  }

  /** These streams are live on the link. */
  arrived(link: Link, streams: readonly string[]): void {
    for (const stream of streams) link.pending.delete(stream)
    if (link.pending.size === 0 && link.phase === 'catching_up') this.context.onLive(link)
  }
}

/** Only the hub's own frames answer: what other members send may look like anything. */
function replyOf(frame: ServerFrame): string | undefined {
  if (frame.type !== 'error' && frame.type !== 'subscribed' && frame.type !== 'general_notification') return undefined
  return 'replyTo' in frame.data ? frame.data.replyTo : undefined
}
