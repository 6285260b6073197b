import { z } from 'zod'
import '~/utils/contracts/wording'

/** Building blocks shared by every contract: lengths and ranges are the ones the API promises. */

/** Text without NUL and lone surrogates, which PostgreSQL cannot store. */
export const text = (max: number, min = 0) =>
  z
    .string()
    .min(min)
    .max(max)
    .refine((value) => !value.includes('\u0000'), 'must not contain NUL characters')
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode')

export const nameText = text(120).refine((value) => value.trim().length > 0, 'must not be empty')
export const noteText = text(1000)
export const addressText = text(500)
export const phoneText = text(40)
export const emailText = text(254).regex(/^[^\s@<>()",;:\\]+@[^\s@<>()",;:\\]+\.[^\s@<>()",;:\\.]+$/, 'must be an e-mail address')
/** What a list is searched for (`q`). */
export const searchText = text(200)

/** An http(s) URL, shown to others: other schemes could run code in a browser. */
export const webUrl = text(2000).refine((value) => /^https?:\/\//i.test(value) && URL.canParse(value), 'must be an http(s) URL')

export const maxAmount = 99_999_999_999
/** Integer minor units: 1299 is 12.99. */
export const amount = z.int().min(0).max(maxAmount)
export const positiveAmount = z.int().min(1).max(maxAmount)
export const signedAmount = z.int().min(-maxAmount).max(maxAmount)
export const basisPoints = z.int().min(0).max(10_000)

export const uuidV7Pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
/** Ids are UUIDv7 (RFC 9562), lower case. */
export const id = z.string().regex(uuidV7Pattern, 'must be a UUIDv7')
export const isId = (value: string | undefined): value is string => value !== undefined && uuidV7Pattern.test(value)

/** ISO 8601, UTC, with milliseconds. */
export const timestamp = z.iso.datetime({ precision: 3 }).meta({ example: '2026-01-01T12:00:00.000Z' })
const earliestMs = Date.parse('0001-01-01T00:00:00.000Z')
const latestMs = Date.parse('9999-12-31T23:59:59.999Z')
/** A point in time as a client may write it: ISO 8601 with any offset, in the years that an answer can write in four digits. */
export const instant = z.iso
  .datetime({ offset: true, abort: true })
  .refine((value) => Date.parse(value) >= earliestMs && Date.parse(value) <= latestMs, 'must lie in the years 1 to 9999')

export const version = z.int().min(1)

export const roles = ['owner', 'manager', 'staff', 'kitchen', 'kiosk'] as const
export const memberRoleSchema = z.enum(['owner', 'manager', 'staff', 'kitchen'])
export const deviceRoleSchema = z.enum(['staff', 'kitchen', 'kiosk'])
export const roleSchema = z.enum(roles)
export type Role = z.infer<typeof roleSchema>

/** Query parameters of every list. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^[1-9]\d{0,2}$/, 'must be a whole number from 1 to 100')
    .transform(Number)
    .refine((value) => value <= 100, 'must be a whole number from 1 to 100')
    .default(50),
  cursor: z.string().optional(),
}
export type PageQuery = { limit: number; cursor?: string | undefined }

export const listMeta = z.object({ nextCursor: z.string().nullable(), limit: z.int() })

export const errorDetailSchema = z.object({ path: z.string(), message: z.string() })
export const errorSchema = z.object({ code: z.string(), details: z.array(errorDetailSchema).optional(), requestId: z.string() })
export const failureSchema = z.object({ success: z.literal(false), data: z.null(), message: z.string(), error: errorSchema }).meta({ id: 'Failure' })
