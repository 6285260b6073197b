import { authenticate } from '~/realtime/authentication'
import type { Connection } from '~/realtime/connection'
import type { HubContext } from '~/realtime/context'
import { maxMessageBytes } from '~/realtime/limits'
import { encodeFrame, parseMessage } from '~/realtime/protocol'
import { subscribe, unsubscribe } from '~/realtime/subscribing'
import type { Ack, ClientMessage, CustomAction } from '~/utils/contracts/messages'
import { logger } from '~/utils/logger'

/** Pings without an id that come closer together than this share one pong. */
const pongIntervalMs = 10

/** One frame from a client: judged by size, rate and shape, then handled in the order of arrival. */
export function receive(hub: HubContext, connection: Connection, frame: string | Buffer): void {
  if (connection.isClosed) return
  const now = performance.now()
  connection.heardAt = now
  if (typeof frame !== 'string') return connection.close(1003)
  const bytes = frame.length * 3 > maxMessageBytes ? Buffer.byteLength(frame) : frame.length
  if (bytes > maxMessageBytes) return connection.close(1009)
  if (!connection.admit(now)) return
  const parsed = parseMessage(frame)
  connection.logFrame('in', 'refused' in parsed ? parsed.refused : parsed.message.type, bytes)
  if ('refused' in parsed) {
    if (parsed.refused === 'invalid_message') return connection.refuse(now, parsed)
    return connection.sendError('unknown_type', parsed.reason, parsed.id)
  }
  const { message } = parsed
  inOrder(connection, message, frame.length, () => handle(hub, connection, message))
}

/** A protocol ping. It counts like a message: the runtime answers each, and millions of them fit into a second. */
export function receivePing(connection: Connection): void {
  if (connection.isClosed) return
  const now = performance.now()
  connection.heardAt = now
  connection.admit(now)
}

/** A protocol pong. It counts like a message, unless it was waited for. */
export function receivePong(connection: Connection, payload: string): void {
  if (!connection.isClosed && connection.handlePong(payload)) connection.heardAt = performance.now()
  else receivePing(connection)
}

/**
 * Messages of one socket are handled one after another: whoever follows an asynchronous one waits for it. What waits is
 * bounded like what is sent: a client that reads nothing can hold up its own lane for as long as it likes.
 */
function inOrder(connection: Connection, message: ClientMessage, length: number, run: () => void | Promise<void>): void {
  const { lane: before } = connection
  if (before && connection.waitingLength + length > connection.maxBufferedBytes) return connection.close(4429)
  const running = before ? before.then(() => guarded(connection, message, run)) : guarded(connection, message, run)
  if (!running) return
  connection.waitingLength += length
  const lane: Promise<void> = running.finally(() => {
    connection.waitingLength -= length
    if (connection.lane === lane) connection.lane = null
  })
  connection.lane = lane
}

/** A fault costs this message, and never the process. */
function guarded(connection: Connection, message: ClientMessage, run: () => void | Promise<void>): undefined | Promise<void> {
  const fail = (error: unknown) => {
    logger.error({ err: error, sessionId: connection.sessionId, type: message.type }, 'websocket: a message could not be handled')
    connection.sendError('unavailable', 'This cannot be done right now; try again', message.id, 1000)
  }
  try {
    const running = run()
    return running ? running.catch(fail) : undefined
  } catch (error) {
    fail(error)
    return undefined
  }
}

function handle(hub: HubContext, connection: Connection, message: ClientMessage): void | Promise<void> {
  if (connection.isClosed) return
  switch (message.type) {
    case 'authenticate':
      return authenticate(hub, connection, message.data, message.id)
    case 'subscribe':
      return subscribe(hub, connection, message.data, message.id)
    case 'unsubscribe':
      return unsubscribe(hub, connection, message.data.storeId, message.id)
    case 'ack':
      return acknowledge(hub, connection, message.data, message.id)
    case 'custom_action':
      return customAction(hub, connection, message.data, message.id)
    case 'ping':
      return pong(connection, message.id)
    case 'pong':
      return
  }
}

/** What was committed before the ping leaves before the pong, so that a client knows that it has seen it. */
function pong(connection: Connection, id: string | undefined): void {
  for (const subscription of connection.subscriptions) subscription.stream.settle(subscription)
  if (id !== undefined) return connection.sendMessage('pong', {}, id)
  if (connection.isPongDue) return
  connection.isPongDue = true
  connection.sendMessage('pong', {})
  setTimeout(() => {
    connection.isPongDue = false
  }, pongIntervalMs)
}

/** Stores how far the device has come, for the day it has lost its own memory of it. */
function acknowledge(hub: HubContext, connection: Connection, data: Ack, id: string | undefined): void {
  const { user } = connection
  if (!user) return connection.sendError('unauthorized', 'Authenticate first', id)
  if (!user.deviceId) return connection.sendError('forbidden', 'Authenticate with a deviceId to keep positions', id)
  const subscription = connection.subscriptions.get(data.stream)
  if (!subscription || subscription.stream.epoch !== data.epoch || data.seq > subscription.sentSeq) {
    return connection.sendError('not_found', 'No such position was sent here', id)
  }
  const stored = hub.positions.acknowledge(user.userId, user.deviceId, { stream: subscription.stream.name, epoch: data.epoch, seq: data.seq })
  if (id !== undefined) void stored.then(() => connection.sendMessage('ack', {}, id))
}

/** Passed on to the store's other sockets as it came; never logged. */
function customAction(hub: HubContext, connection: Connection, data: CustomAction, id: string | undefined): void {
  const { user } = connection
  if (!user) return connection.sendError('unauthorized', 'Authenticate first', id)
  const storeId = data.storeId ?? user.storeId
  const subscription = storeId ? connection.subscriptions.get(`store:${storeId}`) : undefined
  if (!storeId || !subscription) return connection.sendError('not_found', 'No such subscription', id)
  if (subscription.view === 'kiosk') return connection.sendError('forbidden', 'A kiosk may not do this', id)
  const frame = encodeFrame('custom_action', data, { userId: user.userId, storeId, sessionId: connection.sessionId })
  hub.cluster.tell(subscription.stream.name, 'custom_action', frame, { except: connection })
  connection.sendMessage('ack', {}, id)
}
