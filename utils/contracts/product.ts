import { z } from 'zod'
import { amount, basisPoints, id, nameText, pageQuery, searchText, text, timestamp, version, webUrl } from '~/utils/contracts/common'
import { modifierGroupSchema, modifierGroupsSchema } from '~/utils/contracts/order-document'

export const productSchema = z
  .object({
    id,
    storeId: id,
    categoryId: id.nullable(),
    name: z.string(),
    sku: z.string().nullable(),
    description: z.string().nullable(),
    price: amount,
    taxRateBps: basisPoints.nullable(),
    imageUrl: z.string().nullable(),
    isAvailable: z.boolean(),
    stock: z.int().nullable(),
    modifierGroups: z.array(modifierGroupSchema),
    version,
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Product' })
export type Product = z.infer<typeof productSchema>

const fields = {
  name: nameText,
  categoryId: id.nullable(),
  sku: text(120).nullable(),
  description: text(4000).nullable(),
  price: amount,
  taxRateBps: basisPoints.nullable().meta({ description: "Null: the store's" }),
  imageUrl: webUrl.nullable(),
  isAvailable: z.boolean(),
  stock: z.int().min(0).max(1_000_000_000).nullable().meta({ description: 'Null: not counted' }),
  modifierGroups: modifierGroupsSchema,
}

export const createProductSchema = z
  .strictObject({
    name: fields.name,
    categoryId: fields.categoryId.default(null),
    sku: fields.sku.default(null),
    description: fields.description.default(null),
    price: fields.price,
    taxRateBps: fields.taxRateBps.default(null),
    imageUrl: fields.imageUrl.default(null),
    isAvailable: fields.isAvailable.default(true),
    stock: fields.stock.default(null),
    modifierGroups: fields.modifierGroups.default([]),
  })
  .meta({ id: 'CreateProduct' })
export type CreateProduct = z.infer<typeof createProductSchema>

export const updateProductSchema = z.strictObject(fields).partial().meta({ id: 'UpdateProduct' })
export type UpdateProduct = z.infer<typeof updateProductSchema>

/** What staff and kitchen may not change of a product. An unknown field is no question of rights: validation names it. */
export const managerFields: readonly string[] = Object.keys(fields).filter((field) => field !== 'isAvailable' && field !== 'stock')

export const productQuerySchema = z.strictObject({
  ...pageQuery,
  categoryId: id.optional(),
  q: searchText.optional(),
  available: z.enum(['true', 'false']).optional(),
})
export type ProductQuery = z.infer<typeof productQuerySchema>
