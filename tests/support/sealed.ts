import type { Frame } from './socket'

/** Opens sealed events as a client does, with Web Crypto and nothing of ours (contract section 5, Encryption). */

export type KnownKey = { stream: string; kid: string; k: string }

const bytesOf = (base64url: string) => new Uint8Array(Buffer.from(base64url, 'base64url'))

/** The data of a sealed frame. Rejects when none of the keys is the one, or when anything was tampered with. */
export async function openFrame(frame: Frame, keys: KnownKey[]): Promise<Frame> {
  const { kid, iv } = frame.enc
  const known = keys.find((key) => key.stream === frame.stream && key.kid === kid)
  if (!known) throw new Error(`no key ${kid} of ${frame.stream}`)
  const key = await crypto.subtle.importKey('raw', bytesOf(known.k), 'AES-GCM', false, ['decrypt'])
  const additionalData = new TextEncoder().encode(`${frame.stream}|${frame.id}|${frame.type}|${kid}`)
  const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: bytesOf(iv), additionalData }, key, bytesOf(frame.data.sealed))
  return JSON.parse(new TextDecoder().decode(plain))
}

/** All keys that a socket was told, in whichever frame. */
export const keysToldIn = (frames: Frame[]): KnownKey[] => frames.flatMap((frame) => frame.data?.keys ?? [])
