import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { badRequest, payloadTooLarge, unsupportedMediaType } from '~/utils/errors'
import type { AppEnv } from '~/utils/http'

export const maxBodyBytes = 256 * 1024

const jsonType = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i

function refuseLength(headers: Headers): void {
  if (Number(headers.get('content-length') ?? 0) > maxBodyBytes) throw payloadTooLarge()
}

/** For routes that take no body: one that comes is held to the same size. */
export function ignoreBody(c: Context<AppEnv>): undefined | Promise<void> {
  const { headers } = c.req.raw
  refuseLength(headers)
  return headers.has('transfer-encoding') ? readCounted(c.req.raw.body).then(() => {}) : undefined
}

/** Reads the JSON body: 413, 415 and 400 are judged here, before any right. */
export async function readBody(c: Context<AppEnv>): Promise<void> {
  const headers = c.req.raw.headers
  refuseLength(headers)
  const encoding = headers.get('content-encoding')
  if (encoding && encoding.toLowerCase() !== 'identity') throw unsupportedMediaType()
  if (!jsonType.test(headers.get('content-type') ?? '')) throw unsupportedMediaType()
  const text = await readText(c)
  c.set('json', parseJson(text))
  cacheText(c, text)
  judgeIdempotencyKey(c, text)
}

async function readText(c: Context<AppEnv>): Promise<string> {
  // With a length the runtime has the bytes at hand; without one they are counted as they come.
  const bytes = c.req.raw.headers.has('content-length') ? new Uint8Array(await c.req.raw.arrayBuffer()) : await readCounted(c.req.raw.body)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw badRequest('malformed_json', 'The body is not UTF-8')
  }
}

/** The validator reads the body again through Hono's cache, which holds promises whatever its type says. */
function cacheText(c: Context<AppEnv>, text: string): void {
  c.req.bodyCache.text = Promise.resolve(text) as unknown as string
}

async function readCounted(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength
    if (size > maxBodyBytes) throw payloadTooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw badRequest('malformed_json', 'The body is not valid JSON')
  }
}

/** The Idempotency-Key of a POST below `/stores`; ignored elsewhere. A wrong one is a wrong field, told with the others. */
function judgeIdempotencyKey(c: Context<AppEnv>, text: string): void {
  const key = c.req.raw.headers.get('idempotency-key')
  if (key === null || c.req.method !== 'POST' || !/^\/api\/v1\/stores(\/|$)/.test(c.req.path)) return
  if (/^[\x21-\x7e]{1,255}$/.test(key))
    c.get('request').idempotency = { key, path: c.req.path, bodyHash: createHash('sha256').update(text).digest('base64url') }
  else c.set('wrongKey', { path: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters' })
}
