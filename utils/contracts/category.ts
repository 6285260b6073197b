import { z } from 'zod'
import { id, nameText, timestamp, version } from '~/utils/contracts/common'

export const categorySchema = z
  .object({ id, storeId: id, name: z.string(), position: z.int(), isActive: z.boolean(), version, createdAt: timestamp, updatedAt: timestamp })
  .meta({ id: 'Category' })
export type Category = z.infer<typeof categorySchema>

const position = z.int().min(0).max(1_000_000)

export const createCategorySchema = z
  .strictObject({ name: nameText, position: position.default(0), isActive: z.boolean().default(true) })
  .meta({ id: 'CreateCategory' })
export type CreateCategory = z.infer<typeof createCategorySchema>

export const updateCategorySchema = z.strictObject({ name: nameText, position, isActive: z.boolean() }).partial().meta({ id: 'UpdateCategory' })
export type UpdateCategory = z.infer<typeof updateCategorySchema>
