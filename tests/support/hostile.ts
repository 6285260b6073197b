import fc from 'fast-check'
import { opcodes } from './raw-socket'

/** What a hostile client might send: close enough to the protocol to reach the parser and every handler behind it. */

export type Hostile = { kind: 'frame'; opcode: number; payload: Uint8Array; isFinal: boolean } | { kind: 'bytes'; bytes: Uint8Array }

/** What the attacker knows: a real user, a store it belongs to, and one that it does not. */
export type Known = { userId: string; token: string; storeId: string; foreignStoreId: string }

const clientTypes = ['authenticate', 'subscribe', 'unsubscribe', 'ack', 'custom_action', 'ping', 'pong']
const otherTypes = [
  'sync',
  'goaway',
  'unsubscribed',
  'order_created',
  'general_notification',
  'error',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
]

const repeated = (text: string, times: number) => text.repeat(times)

const nasty = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -0,
    0,
    -1,
    1.5,
    2 ** 31,
    2 ** 53,
    Number.MAX_SAFE_INTEGER,
    1e308,
    '',
    ' ',
    '\u0000',
    '\ud800',
    '\udfff\ud800',
    '\u202e',
    '__proto__',
    "'; drop table events; --",
    '%s%n',
    '../../etc/passwd',
    [],
    {},
    [[]],
    repeated('a', 129),
    repeated('x', 15_000),
  ),
  fc.uuid({ version: 7 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer(),
  fc.array(fc.anything({ maxDepth: 2 }), { maxLength: 5 }),
  fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 6 }),
)

/** JSON text nested as deeply as 16 KiB allow. */
const deep = fc.constantFrom(
  repeated('[', 8_000) + repeated(']', 8_000),
  repeated('{"a":', 2_600) + 1 + repeated('}', 2_600),
  repeated('[', 16_000),
  `{"type":"custom_action","data":{"action":"x","deep":${repeated('[', 7_500)}${repeated(']', 7_500)}}}`,
  `{"type":"subscribe","data":{"storeId":"x","where":${repeated('{"status":', 1_200)}1${repeated('}', 1_200)}}}`,
  `{"type":"authenticate","data":{"userId":"x","resume":${repeated('{"a":', 2_000)}1${repeated('}', 2_000)}}}`,
)

const polluted = fc.constantFrom(
  '{"type":"ping","__proto__":{"type":"authenticate"}}',
  '{"type":"custom_action","data":{"action":"x","__proto__":{"isAdmin":true}}}',
  '{"__proto__":null,"type":"subscribe","data":{"__proto__":{"storeId":"x"}}}',
  '{"type":"authenticate","data":{"userId":"x","resume":{"__proto__":{"epoch":"e","seq":1}}}}',
  '{"type":"subscribe","data":{"constructor":{"prototype":{"storeId":1}}}}',
  '{"type":"ping","id":"a","id":"b","data":{}}',
)

type Fields = Record<string, unknown>

/** Messages that a handler would take: what is wrong with them, if anything, is not their shape. */
function plausible(known: Known): fc.Arbitrary<{ type: string; data: Fields }> {
  const storeId = fc.constantFrom(known.storeId, known.storeId, known.foreignStoreId, known.storeId.toUpperCase(), 'x', 'a:b')
  const stream = fc.constantFrom(`store:${known.storeId}`, `user:${known.userId}`, `store:${known.foreignStoreId}`, 'store:', '__proto__')
  const position = fc.record({ epoch: fc.constantFrom('e', '__proto__', repeated('e', 100)), seq: fc.constantFrom(0, 1, 10, 2 ** 53 - 1) })
  const resume = fc.dictionary(stream, position, { maxKeys: 5 })
  const filter = {
    events: fc.subarray(['order_created', 'product_updated', 'user_joined', 'custom_action']),
    where: fc.record({ status: fc.subarray(['pending', 'ready']), type: fc.subarray(['pickup']) }, { requiredKeys: [] }),
  }
  const some = (type: string, model: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[]) =>
    fc.record(model, { requiredKeys, noNullPrototype: true }).map((data) => ({ type, data }))
  const credentials = { userId: fc.constantFrom(known.userId, known.userId, 'x'), token: fc.constantFrom(known.token, known.token, 'x'.repeat(43)) }
  return fc.oneof(
    some(
      'authenticate',
      { ...credentials, storeId, deviceId: fc.constantFrom('d', '\u0000'), ...filter, resume, ticket: fc.constant('t'.repeat(43)) },
      ['userId'],
    ),
    some('subscribe', { storeId, ...filter, resume: fc.oneof(resume, position) }, ['storeId']),
    some('subscribe', { trackingToken: fc.constantFrom('t', 't'.repeat(43), '\u0000') }, ['trackingToken']),
    some('unsubscribe', { storeId }, ['storeId']),
    some('ack', { stream, epoch: fc.constantFrom('e', ''), seq: fc.constantFrom(0, 1, 2 ** 53 - 1) }, ['stream', 'epoch', 'seq']),
    some('custom_action', { action: fc.constantFrom('a', '__proto__', '\ud800'), storeId, more: nasty }, ['action']),
    some('ping', { more: nasty }, []),
  )
}

/** Plausible, with some fields replaced. */
const spoiled = (known: Known): fc.Arbitrary<{ type: string; data: Fields }> =>
  fc.tuple(plausible(known), fc.array(fc.tuple(fc.nat(9), nasty), { minLength: 1, maxLength: 2 })).map(([{ type, data }, changes]) => {
    const names = Object.keys(data)
    const changed = changes.map(([index, value]): [string, unknown] => [names[index % names.length] ?? 'storeId', value])
    return { type, data: { ...data, ...Object.fromEntries(changed) } }
  })

const text = (value: string): Hostile => ({ kind: 'frame', opcode: opcodes.text, payload: Buffer.from(value), isFinal: true })

/** `undefined`, functions and cycles of `fc.anything` have no JSON. */
function toJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? field.toString() : field)) ?? 'null'
  } catch {
    return 'null'
  }
}

/** What the hub parses and handles, or answers as an invalid message. */
export function hostileMessages(known: Known): fc.Arbitrary<Hostile> {
  const junk = fc.record(
    { type: fc.oneof(fc.constantFrom<unknown>(...clientTypes, ...otherTypes), nasty), id: nasty, data: nasty, timestamp: nasty, seq: nasty },
    { requiredKeys: ['type'] },
  )
  const broken = fc.tuple(junk.map(toJson), fc.nat(200)).map(([whole, at]) => whole.slice(0, at))
  return fc
    .oneof(
      { weight: 8, arbitrary: plausible(known).map(toJson) },
      { weight: 4, arbitrary: spoiled(known).map(toJson) },
      { weight: 2, arbitrary: junk.map(toJson) },
      { weight: 1, arbitrary: fc.oneof(deep, polluted, broken, fc.string({ unit: 'binary', maxLength: 200 })) },
    )
    .map(text)
}

/** What ends a socket: too long, not text, not even a frame. */
export const lastWords: fc.Arbitrary<Hostile> = fc.oneof(
  fc.constantFrom(16_384, 16_385, 70_000).map((length) => text(`{"type":"ping","data":{"x":"${repeated('y', length - 31)}"}}`)),
  fc.record({
    kind: fc.constant('frame' as const),
    opcode: fc.constantFrom(0, 1, 2, 3, 7, 8, 9, 10, 11, 15),
    payload: fc.uint8Array({ maxLength: 200 }),
    isFinal: fc.boolean(),
  }),
  fc.uint8Array({ maxLength: 200 }).map((some): Hostile => ({ kind: 'bytes', bytes: some })),
)
