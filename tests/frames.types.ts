import type { Emit } from '~/db/events'
import { encodeFrame } from '~/realtime/protocol'
import type { Category } from '~/utils/contracts/category'

/**
 * Read by the compiler only (`bun run typecheck`): an event or a frame whose data is not that of its type does not
 * compile. Every line marked as an expected error would itself be an error if the compiler ever stopped to notice.
 */

declare const category: Category
declare const emit: Emit
const place = { stream: `store:${category.storeId}`, subjectId: category.id } as const

emit({ ...place, type: 'category_updated', data: { action: 'created', categoryId: category.id, category } })

// @ts-expect-error a field is missing
emit({ ...place, type: 'category_updated', data: { action: 'created', category } })

// @ts-expect-error a field that the contract does not know
emit({ ...place, type: 'category_updated', data: { action: 'created', categoryId: category.id, category, secret: 1 } })

// @ts-expect-error an action of another type
emit({ ...place, type: 'category_updated', data: { action: 'member_added', categoryId: category.id, category } })

// @ts-expect-error the resource of another type
emit({ ...place, type: 'product_updated', data: { action: 'created', productId: category.id, product: category } })

// @ts-expect-error never logged
emit({ ...place, type: 'user_joined', data: { userId: category.id, name: 'Ada', onlineUsers: 1 } })

encodeFrame('sync', { live: true, streams: { [place.stream]: { epoch: 'a', seq: 0 } } })

// @ts-expect-error a position without epoch
encodeFrame('sync', { streams: { [place.stream]: { seq: 0 } } })

// @ts-expect-error an error code outside the table
encodeFrame('error', { code: 'oops', message: 'Something' })

// @ts-expect-error what is logged is never sent as a frame of the hub
encodeFrame('category_updated', { action: 'created', categoryId: category.id, category })
