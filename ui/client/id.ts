/**
 * A UUIDv7 (RFC 9562): an id that a client gives before any answer. By `getRandomValues` alone, since `randomUUID` is
 * missing on plain HTTP.
 */
export function newId(nowMs = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  const time = nowMs.toString(16).padStart(12, '0')
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const variant = (8 + (Number.parseInt(hex.charAt(16), 16) & 3)).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}
