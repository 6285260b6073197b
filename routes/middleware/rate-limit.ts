import type { Context } from 'hono'
import { rateLimited } from '~/utils/errors'
import type { AppEnv } from '~/utils/http'
import { TokenBucket } from '~/utils/token-bucket'

/** Buckets are dropped when full again; past this many the oldest go, so that strangers cannot fill the memory. */
const maxBuckets = 100_000

/**
 * `perSecond` requests a principal (the signed-in user, else the address), burst twice that; 0 switches it off.
 * Past it 429 with `Retry-After` and the `RateLimit-*` headers of draft-ietf-httpapi-ratelimit-headers-06.
 */
export function rateLimit(perSecond: number): (c: Context<AppEnv>) => void {
  const buckets = new Map<string, TokenBucket>()
  return (c) => {
    if (perSecond === 0) return
    const principal = c.get('actor')?.userId ?? c.get('address')
    const now = performance.now()
    let bucket = buckets.get(principal)
    if (!bucket) {
      bucket = new TokenBucket(perSecond, perSecond * 2, now)
      buckets.set(principal, bucket)
      if (buckets.size > maxBuckets) evict(buckets, now)
    }
    const waitMs = bucket.take(now)
    const headers = {
      'RateLimit-Limit': String(perSecond * 2),
      'RateLimit-Remaining': String(bucket.remaining),
      'RateLimit-Reset': String(Math.ceil(waitMs / 1000)),
    }
    if (waitMs > 0) throw rateLimited(waitMs / 1000, headers)
  }
}

function evict(buckets: Map<string, TokenBucket>, now: number): void {
  for (const [principal, bucket] of buckets) if (bucket.isFull(now)) buckets.delete(principal)
  for (const principal of buckets.keys()) {
    if (buckets.size <= maxBuckets * 0.9) return
    buckets.delete(principal)
  }
}
