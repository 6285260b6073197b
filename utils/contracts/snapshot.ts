import { z } from 'zod'
import { categorySchema } from '~/utils/contracts/category'
import { orderSchema } from '~/utils/contracts/order'
import { productSchema } from '~/utils/contracts/product'
import { storeSchema } from '~/utils/contracts/store'

export const snapshotSchema = z
  .object({
    store: storeSchema,
    categories: z.array(categorySchema),
    products: z.array(productSchema),
    openOrders: z.array(orderSchema).meta({ description: 'Pending, confirmed, preparing and ready' }),
    position: z
      .object({ stream: z.string(), epoch: z.string(), seq: z.int() })
      .meta({ description: 'Where the log stood; resume from here and nothing is missing or seen twice' }),
  })
  .meta({ id: 'Snapshot' })
export type Snapshot = z.infer<typeof snapshotSchema>
