import type { SealedFrame } from '~/ui/client/frames'

export type StreamKey = { stream: string; kid: string; k: string }

/** The keys of sealed events, and how to open one (contract section 5, **Encryption**: AES-256-GCM, NIST SP 800-38D). */
export class Keyring {
  readonly #keys = new Map<string, Promise<CryptoKey>>()

  /** Web Crypto is there on HTTPS and on localhost only. */
  get canOpen(): boolean {
    return globalThis.crypto?.subtle !== undefined
  }

  learn(keys: readonly StreamKey[]): void {
    if (!this.canOpen) return
    for (const { stream, kid, k } of keys) {
      const name = `${stream}|${kid}`
      if (this.#keys.has(name)) continue
      const key = crypto.subtle.importKey('raw', bytesOf(k), 'AES-GCM', false, ['decrypt'])
      // A key that cannot be read is told where it is used.
      key.catch(() => {})
      this.#keys.set(name, key)
    }
  }

  /** The `data` of a sealed event. Throws when its key is not here, or when it was tampered with. */
  async open(frame: SealedFrame): Promise<object> {
    const { kid, iv } = frame.enc
    const key = await this.#keys.get(`${frame.stream}|${kid}`)
    if (!key) throw new Error(`no key ${kid} of ${frame.stream}`)
    const additionalData = new TextEncoder().encode(`${frame.stream}|${frame.id}|${frame.type}|${kid}`)
    const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: bytesOf(iv), additionalData }, key, bytesOf(frame.data.sealed))
    return asData(JSON.parse(new TextDecoder().decode(opened)))
  }

  clear(): void {
    this.#keys.clear()
  }
}

/** Sealed by the server from the data of the event's own type, and authenticated with it. */
const asData = (data: unknown) => data as object

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
