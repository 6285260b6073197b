import type { Actor } from '~/utils/actor'
import { versionMismatch } from '~/utils/errors'

/** Throws 412 when the request's If-Match names other versions (RFC 9110 §13.1.1: strong comparison). */
export function requireVersion(actor: Actor, version: number): void {
  const tags = actor.request.ifMatch
  if (tags && !tags.includes('*') && !tags.includes(`"${version}"`)) throw versionMismatch()
}

/**
 * What a PATCH really changes: the fields whose value differs from the row's, and their names as `updatedFields`.
 * Null when nothing differs: such a PATCH makes no version and no event.
 */
export function changesOf<T extends object>(
  row: T,
  patch: { [K in keyof T]?: T[K] | undefined },
): { values: Partial<T>; updatedFields: Record<string, true> } | null {
  const changed = (Object.keys(patch) as (keyof T & string)[]).filter(
    // `===` first: to deepEquals, 0 and the -0 that JSON may hold differ.
    (key) => patch[key] !== undefined && patch[key] !== row[key] && !Bun.deepEquals(patch[key], row[key], true),
  )
  if (changed.length === 0) return null
  return {
    values: Object.fromEntries(changed.map((key) => [key, patch[key]])) as Partial<T>,
    updatedFields: Object.fromEntries(changed.map((key) => [key, true as const])),
  }
}
