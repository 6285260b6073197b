/** Two connections in a row never begin closer together than this. */
export const floorMs = 100
const maxDoublings = 16

/**
 * Full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015) over a floor: after a restart of the server its
 * clients come back spread over the whole window instead of in waves.
 */
export function backoffMs(attempt: number, baseMs: number, capMs: number, random: () => number = Math.random): number {
  const windowMs = Math.min(Math.max(capMs, baseMs), baseMs * 2 ** Math.min(attempt, maxDoublings))
  return floorMs + random() * windowMs
}
