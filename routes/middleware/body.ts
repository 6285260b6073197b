import { createHash } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import { badRequest, invalidField, payloadTooLarge, unsupportedMediaType } from '~/utils/errors'
import type { AppEnv } from '~/utils/http'

export const maxBodyBytes = 256 * 1024

const jsonType = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i

/** Reads the JSON body: 413, 415 and 400 are judged here, before any right. */
export const readBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  const headers = c.req.raw.headers
  if (Number(headers.get('content-length') ?? 0) > maxBodyBytes) throw payloadTooLarge()
  const encoding = headers.get('content-encoding')
  if (encoding && encoding.toLowerCase() !== 'identity') throw unsupportedMediaType()
  if (!jsonType.test(headers.get('content-type') ?? '')) throw unsupportedMediaType()
  const text = await readText(c)
  c.set('json', parseJson(text))
  cacheText(c, text)
  c.var.request.idempotency = idempotencyOf(c, text)
  await next()
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

/** The Idempotency-Key of a POST below `/stores`; ignored elsewhere. */
function idempotencyOf(c: Context<AppEnv>, text: string) {
  const key = c.req.raw.headers.get('idempotency-key')
  if (key === null || c.req.method !== 'POST' || !/^\/api\/v1\/stores(\/|$)/.test(c.req.path)) return null
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw invalidField('Idempotency-Key', 'must be 1 to 255 visible ASCII characters')
  return { key, path: c.req.path, bodyHash: createHash('sha256').update(text).digest('base64url') }
}
