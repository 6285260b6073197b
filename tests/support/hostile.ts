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

/** The arguments of a handler, each right, wrong or missing. */
function handlerData(known: Known): fc.Arbitrary<object> {
  const store = fc.oneof(fc.constantFrom<unknown>(known.storeId, known.storeId, known.foreignStoreId, known.storeId.toUpperCase()), nasty)
  const stream = fc.oneof(
    fc.constantFrom<unknown>(`store:${known.storeId}`, `user:${known.userId}`, `store:${known.foreignStoreId}`, 'store:', 'x'),
    nasty,
  )
  const seq = fc.oneof(fc.constantFrom<unknown>(0, 1, 2 ** 53 - 1, 2 ** 53, -1, 1.5, '1'), nasty)
  const position = fc.oneof(fc.record({ epoch: fc.oneof(fc.constant<unknown>('e'), nasty), seq }), nasty)
  const events = fc.oneof(fc.constant<unknown>(['order_created']), fc.array(nasty, { maxLength: 40 }), nasty)
  const where = fc.oneof(fc.record({ status: events, type: events }), nasty)
  const resume = fc.oneof(
    position,
    fc
      .array(fc.tuple(stream, position), { maxLength: 60 })
      .map((entries) => Object.fromEntries(entries.map(([key, value]) => [typeof key === 'string' ? key : toJson(key), value]))),
  )
  return fc.record(
    {
      userId: fc.oneof(fc.constant<unknown>(known.userId), nasty),
      token: fc.oneof(fc.constant<unknown>(known.token), nasty),
      ticket: nasty,
      storeId: store,
      deviceId: nasty,
      events,
      where,
      resume,
      stream,
      epoch: fc.oneof(fc.constant<unknown>('e'), nasty),
      seq,
      action: nasty,
      trackingToken: nasty,
    },
    { requiredKeys: [] },
  )
}

const text = (value: string): Hostile => ({ kind: 'frame', opcode: opcodes.text, payload: Buffer.from(value), isFinal: true })

/** `undefined`, functions and cycles of `fc.anything` have no JSON. */
function toJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? field.toString() : field)) ?? 'null'
  } catch {
    return 'null'
  }
}

export function hostileFrames(known: Known): fc.Arbitrary<Hostile> {
  const envelope = fc.record(
    {
      type: fc.oneof({ weight: 6, arbitrary: fc.constantFrom<unknown>(...clientTypes) }, fc.constantFrom<unknown>(...otherTypes), nasty),
      id: fc.oneof(fc.constant<unknown>('id'), nasty),
      data: fc.oneof({ weight: 6, arbitrary: handlerData(known) }, nasty),
      timestamp: nasty,
      seq: nasty,
    },
    { requiredKeys: ['type'] },
  )
  const json = envelope.map(toJson)
  const broken = fc.tuple(json, fc.nat(200)).map(([whole, at]) => whole.slice(0, at))
  const bytes = fc.uint8Array({ maxLength: 200 })
  return fc.oneof(
    { weight: 12, arbitrary: json.map(text) },
    { weight: 2, arbitrary: fc.oneof(deep, polluted, broken, fc.string({ unit: 'binary', maxLength: 200 })).map(text) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(16_384, 16_385, 70_000).map((length) => text(`{"type":"ping","data":{"x":"${repeated('y', length - 31)}"}}`)),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('frame' as const),
        opcode: fc.constantFrom(0, 1, 2, 3, 7, 8, 9, 10, 11, 15),
        payload: bytes,
        isFinal: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: bytes.map((some): Hostile => ({ kind: 'bytes', bytes: some })) },
  )
}
