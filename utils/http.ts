import type { RouteConfig } from '@hono/zod-openapi'
import type { Context, TypedResponse } from 'hono'
import { z } from 'zod'
import type { Actor, Member, RequestContext } from '~/utils/actor'
import type { Config } from '~/utils/config'
import { failureSchema, listMeta } from '~/utils/contracts/common'
import { type ErrorDetail, notFound, validationFailed } from '~/utils/errors'

/** What the middleware of a route has put beside the request by the time its handler runs. */
export type AppEnv = {
  Bindings: {
    peerAddress: string
    config: Config
    /** Throws the 429. */
    limiter(c: Context<AppEnv>): void
  }
  Variables: {
    request: RequestContext
    /** Address for limits: IPv4, or the /64 of an IPv6 address. */
    address: string
    actor: Actor
    /** Signed in by the cookie rather than by Authorization. */
    isCookie: boolean
    member: Member
    /** The parsed, not yet validated body. */
    json: unknown
    /** Judged before a 422: the row is there (404) and has the version asked for (412). */
    beforeValidation: (() => Promise<unknown>) | undefined
    /** What is wrong with the Idempotency-Key; judged with the body. */
    wrongKey: ErrorDetail | undefined
  }
}

export type Outcome<T> = { data: T; position?: string | null; replayed?: boolean }
export type PageOutcome<T> = { data: T[]; nextCursor: string | null; position?: string | null }

/** Answers one resource: envelope, `ETag` of its version, its stream position, and whether this is a replay. */
export function ok<T, S extends 200 | 201>(c: Context<AppEnv>, status: S, outcome: Outcome<T>, message: string) {
  const { data, position, replayed } = outcome
  if (hasVersion(data)) c.header('ETag', `"${data.version}"`)
  if (position) c.header('X-Stream-Position', position)
  if (replayed) c.header('Idempotent-Replayed', 'true')
  return typed<{ success: true; data: T; message: string }, S>(json(c, status, { success: true, data, message }))
}

/** Answers a page of a list, newest first unless the route says otherwise. */
export function page<T>(c: Context<AppEnv>, limit: number, outcome: PageOutcome<T>, message: string) {
  if (outcome.position) c.header('X-Stream-Position', outcome.position)
  const meta = { nextCursor: outcome.nextCursor, limit }
  return typed<{ success: true; data: T[]; message: string; meta: z.infer<typeof listMeta> }, 200>(
    json(c, 200, { success: true, data: outcome.data, message, meta }),
  )
}

/** Up to here Bun sends head and body of an answer together. */
const togetherBytes = 15_359

/**
 * Of a longer text Bun sends the head ahead, in four system calls a header: that costs more than all else of a list. A
 * stream that is written and ended at once leaves with its head, and has the same Content-Length.
 */
function json(c: Context<AppEnv>, status: 200 | 201, body: object): Response {
  const text = JSON.stringify(body)
  return c.body(Buffer.byteLength(text) > togetherBytes ? atOnce(Buffer.from(text)) : text, status, { 'Content-Type': 'application/json' })
}

function atOnce(bytes: Buffer): ReadableStream {
  const source: Bun.DirectUnderlyingSource = {
    type: 'direct',
    pull(controller) {
      controller.write(bytes)
      controller.end()
    },
  }
  // What reaches the mark is sent at once, in chunks.
  return new ReadableStream(direct(source), { highWaterMark: bytes.length + 1 })
}

/** Bun takes direct sources wherever it takes others, which the DOM's types do not know. */
const direct = (source: Bun.DirectUnderlyingSource) => source as unknown as UnderlyingDefaultSource

const hasVersion = (data: unknown): data is { version: number } =>
  typeof data === 'object' && data !== null && 'version' in data && typeof data.version === 'number'

/** States what a response holds in the terms the compiler compares with the route's documented answers. */
const typed = <Body, S extends 200 | 201>(response: Response) => response as Response & TypedResponse<Body, S, 'json'>

// Parts of a route's description

/** A required JSON body. */
export const body = <S extends z.ZodType>(schema: S) => ({ content: { 'application/json': { schema } }, required: true as const })

export const success = <S extends z.ZodType>(description: string, data: S) => ({
  description,
  content: { 'application/json': { schema: z.object({ success: z.literal(true), data, message: z.string() }) } },
})

export const pageOf = <S extends z.ZodType>(description: string, row: S) => ({
  description,
  content: { 'application/json': { schema: z.object({ success: z.literal(true), data: z.array(row), message: z.string(), meta: listMeta }) } },
})

export const failure = (description: string) => ({ description, content: { 'application/json': { schema: failureSchema } } })

const common = {
  400: failure('Malformed JSON, a broken cursor, or a credential in the URL'),
  429: failure('Too many requests'),
  503: failure('Not available right now'),
}

export const publicFailures = {
  ...common,
  413: failure('Body over 256 KiB'),
  415: failure('Not uncompressed JSON'),
  422: failure('Wrong or unknown fields'),
}
export const actorFailures = { ...publicFailures, 401: failure('No valid session'), 403: failure('The right is missing') }
export const memberFailures = { ...actorFailures, 404: failure('Missing, or of a store you do not belong to') }
export const versionFailures = { 412: failure('The version is not the one in If-Match') }

export const security: NonNullable<RouteConfig['security']> = [{ bearer: [] }, { cookie: [] }]

// Validation

type HookResult = { target: string } & ({ success: true } | { success: false; error: z.core.$ZodError })

/**
 * Turns a failed validation into its answer. A 404 or 412 that the route would give comes first; a wrong path
 * parameter is a resource that does not exist.
 */
export async function onValidation(result: HookResult, c: Context<AppEnv>): Promise<undefined> {
  const wrongKey = c.get('wrongKey')
  const details = result.target === 'json' && wrongKey ? [wrongKey] : []
  if (!result.success) details.push(...detailsOf(result.error))
  if (details.length === 0) return undefined
  await c.get('beforeValidation')?.()
  if (result.target === 'param') throw notFound()
  throw validationFailed(details)
}

/** One detail per wrong field; an unknown field is named by its own path. */
export function detailsOf(error: z.core.$ZodError): ErrorDetail[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String)
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'is not a known field' }))
    return [{ path: path.join('.'), message: issue.message }]
  })
}
