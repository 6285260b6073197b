import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import type { Config } from '~/utils/config'
import type { Enc, LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { logger } from '~/utils/logger'
import { metrics } from '~/utils/metrics'

export type { Enc }

/**
 * Sealed events: the `data` of some types is encrypted once, when the event is logged, so that neither the log, the
 * relay, a backup nor a balancer's log ever holds it in plain (docs/encryption.md).
 *
 * AES-256-GCM (NIST SP 800-38D) with a random 96-bit iv; the additional data bind a ciphertext to its stream, event,
 * type and key. There is one key per stream and `kid`, derived by HKDF-SHA-256 (RFC 5869) from a configured key; `kid`
 * names that key and the stream's generation, which moves on when a member leaves.
 */

export type StreamKey = { stream: StreamName; kid: string; k: string }

type Bound = { stream: string; id: string; type: string }

/** Generations whose keys are handed out: older events have left the log, or are read by REST. */
const generationsKept = 32

let masterKeys = new Map<string, Buffer>()
let sealedTypes: ReadonlySet<string> = new Set()
const derived = new Map<string, Buffer>()
const maxDerived = 50_000

/** Called once at the start. The first key seals; all of them open. Without a key nothing is sealed. */
export function configureSealing({ ws }: Pick<Config, 'ws'>): void {
  const keys = ws.encryptionKeys.map((text) => Buffer.from(text, 'base64'))
  masterKeys = new Map(keys.map((key) => [createHash('sha256').update('zipzap kid').update(key).digest('hex').slice(0, 8), key]))
  sealedTypes = new Set(keys.length > 0 ? ws.encryptedEvents : [])
  derived.clear()
}

export const isSealed = (type: string): boolean => sealedTypes.has(type)
export const isSealing = (): boolean => sealedTypes.size > 0

/** The text that replaces `data`, and what a reader needs beside the key. */
export function seal(bound: Bound, generation: number, data: string): { enc: Enc; json: string } {
  const [masterId] = masterKeys.keys()
  const kid = `${masterId}.${generation}`
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', streamKey(bound.stream, kid), iv).setAAD(additionalData(bound, kid))
  const sealed = Buffer.concat([cipher.update(data, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return { enc: { v: 1, alg: 'A256GCM', kid, iv: iv.toString('base64url') }, json: `{"sealed":"${sealed.toString('base64url')}"}` }
}

/** The text of `data` before it was sealed. Throws when a bit of it, of the iv, the kid or the binding is not as it was. */
export function open(bound: Bound, enc: Enc, json: string): string {
  const { sealed } = JSON.parse(json) as { sealed: string }
  const bytes = Buffer.from(sealed, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', streamKey(bound.stream, enc.kid), Buffer.from(enc.iv, 'base64url'), { authTagLength: 16 })
  decipher.setAAD(additionalData(bound, enc.kid)).setAuthTag(bytes.subarray(-16))
  return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8')
}

/** Whether the configured key that sealed it is still there: without it nobody can open the event any more. */
export const canOpen = (enc: Enc): boolean => masterKeys.has(masterIdOf(enc.kid))

/** The event as it was before it was sealed; another event stays as it is. Null, and counted, when it does not open. */
export function opened(event: LoggedEvent): LoggedEvent | null {
  if (!event.enc) return event
  try {
    return { ...event, json: open(event, event.enc, event.json), enc: null }
  } catch (error) {
    metrics.unsealable.inc()
    logger.error({ err: error, stream: event.stream, seq: event.seq }, 'a sealed event does not open')
    return null
  }
}

/**
 * Whether a stream's next events are sealed with a new key: somebody who holds the present one may no longer read them.
 * A user's own stream has one reader, whatever becomes of the memberships that it tells of.
 */
export function rotatesKey({ stream, type, data }: { stream: StreamName; type: string; data: object }): boolean {
  if (type !== 'store_updated' || !stream.startsWith('store:') || !('action' in data)) return false
  return data.action === 'member_removed' || (data.action === 'member_changed' && 'role' in data && data.role === 'kitchen')
}

/** The generation that a kid names, to seal something anew under it. */
export const generationOf = (kid: string): number => Number(kid.split('.')[1])

/** The keys of a stream for a socket that may read it: of every configured key and the last generations. */
export function keysOf(stream: StreamName, generation: number): StreamKey[] {
  const first = Math.max(0, generation - generationsKept + 1)
  const generations = Array.from({ length: generation - first + 1 }, (_, index) => generation - index)
  return [...masterKeys.keys()].flatMap((masterId) =>
    generations.map((each) => ({ stream, kid: `${masterId}.${each}`, k: streamKey(stream, `${masterId}.${each}`).toString('base64url') })),
  )
}

const masterIdOf = (kid: string): string => kid.split('.')[0] ?? ''

const additionalData = ({ stream, id, type }: Bound, kid: string) => Buffer.from(`${stream}|${id}|${type}|${kid}`)

function streamKey(stream: string, kid: string): Buffer {
  const name = `${stream}|${kid}`
  const known = derived.get(name)
  if (known) return known
  const master = masterKeys.get(masterIdOf(kid))
  if (!master) throw new Error(`No configured key has the id of ${kid}`)
  const key = Buffer.from(hkdfSync('sha256', master, '', `zipzap v1 ${name}`, 32))
  if (derived.size >= maxDerived) derived.clear()
  derived.set(name, key)
  return key
}
