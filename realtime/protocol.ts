import type { HubData, HubFrameType } from '~/utils/contracts/frames'
import { type ClientMessage, type ClientMessageType, clientEnvelopeSchema, clientMessages } from '~/utils/contracts/messages'

/** Frames in and out: one frame is one JSON message. */

/** `reason` is for the client, whose own words it may hold; `problem` is for the log, and holds ours only. */
type Refusal = { refused: 'invalid_message' | 'unknown_type'; id: string | undefined; reason: string; problem: string }

export type Parsed = { message: ClientMessage } | Refusal

const isClientType = (type: string): type is ClientMessageType => Object.hasOwn(clientMessages, type)

/** Takes a text frame apart. Never throws: whatever is wrong comes back as a refusal. */
export function parseMessage(frame: string): Parsed {
  let json: unknown
  try {
    json = JSON.parse(frame)
  } catch {
    return { refused: 'invalid_message', id: undefined, reason: 'The frame is not JSON', problem: 'not JSON' }
  }
  const envelope = clientEnvelopeSchema.safeParse(json)
  if (!envelope.success) {
    const reason = 'A message is an object with a type, and data that is an object'
    return { refused: 'invalid_message', id: undefined, reason, problem: 'not a message' }
  }
  const { type, id, data } = envelope.data
  if (!isClientType(type)) return { refused: 'unknown_type', id, reason: 'Clients do not send this type', problem: 'unknown type' }
  const parsed = clientMessages[type].safeParse(data)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const reason = `data.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong'}`.slice(0, 200)
    return { refused: 'invalid_message', id, reason, problem: `${type}: wrong ${String(issue?.path[0] ?? 'data')}` }
  }
  return { message: paired(type, id, parsed.data) }
}

/** `data` was parsed by the schema of `type`, which the compiler cannot follow through the table. */
const paired = (type: ClientMessageType, id: string | undefined, data: unknown) => ({ type, id, data }) as ClientMessage

let writtenAt = 0
let written = ''

/** Now, as frames have it. A crowd is told much within one millisecond: the text is written once for it. */
export function timestamp(): string {
  const now = Date.now()
  if (now !== writtenAt) {
    writtenAt = now
    written = new Date(now).toISOString()
  }
  return written
}

type FrameFields = { userId?: string; storeId?: string; sessionId?: string }

/** A frame that is not logged: no id, stream or seq. */
export function encodeFrame<T extends HubFrameType>(type: T, data: HubData[T], fields: FrameFields = {}): string {
  return JSON.stringify({ type, data, timestamp: timestamp(), ...fields })
}

/** The answer to a client's message carries its id as `replyTo`. */
export const withReply = <T extends object>(data: T, id: string | undefined): T & { replyTo?: string } =>
  id === undefined ? data : { ...data, replyTo: id }
