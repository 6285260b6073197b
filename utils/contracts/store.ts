import { z } from 'zod'
import { addressText, basisPoints, id, nameText, phoneText, text, timestamp, version } from '~/utils/contracts/common'

export const storeSchema = z
  .object({
    id,
    name: z.string(),
    slug: z.string().nullable(),
    timezone: z.string(),
    currency: z.string(),
    taxRateBps: basisPoints,
    pricesIncludeTax: z.boolean(),
    phone: z.string().nullable(),
    address: z.string().nullable(),
    isOpen: z.boolean(),
    prepMinutes: z.int(),
    version,
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Store' })
export type Store = z.infer<typeof storeSchema>

/** Offsets like `+01:00` are no zones, and a known zone must be written as the IANA database writes it. */
function isTimezone(value: string): boolean {
  if (!/^[A-Za-z]/.test(value)) return false
  try {
    const zone = new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone
    return zone === value || zone.toLowerCase() !== value.toLowerCase()
  } catch {
    return false
  }
}

const currencies = new Set(Intl.supportedValuesOf('currency'))

const fields = {
  name: nameText,
  slug: z
    .string()
    .regex(/^[a-z0-9-]{3,60}$/, 'must be 3 to 60 characters of a-z, 0-9 and "-"')
    .nullable()
    .meta({ description: 'Unique over all stores' }),
  timezone: text(64).refine(isTimezone, 'must be an IANA time zone').meta({ description: 'IANA name', example: 'Europe/Berlin' }),
  currency: z
    .string()
    .refine((value) => currencies.has(value), 'must be an ISO 4217 currency')
    .meta({ description: 'ISO 4217; orders keep the currency they were made in', example: 'EUR' }),
  taxRateBps: basisPoints.meta({ description: 'For products without a rate of their own; 1900 is 19 %' }),
  pricesIncludeTax: z.boolean(),
  phone: phoneText.nullable(),
  address: addressText.nullable(),
}

export const createStoreSchema = z
  .strictObject({
    name: fields.name,
    slug: fields.slug.default(null),
    timezone: fields.timezone.default('UTC'),
    currency: fields.currency.default('EUR'),
    taxRateBps: fields.taxRateBps.default(0),
    pricesIncludeTax: fields.pricesIncludeTax.default(false),
    phone: fields.phone.default(null),
    address: fields.address.default(null),
  })
  .meta({ id: 'CreateStore' })
export type CreateStore = z.infer<typeof createStoreSchema>

export const updateStoreSchema = z
  .strictObject({ ...fields, isOpen: z.boolean(), prepMinutes: z.int().min(0).max(1440) })
  .partial()
  .meta({ id: 'UpdateStore' })
export type UpdateStore = z.infer<typeof updateStoreSchema>
