import type { LoggedFrame } from '~/ui/client/frames'
import { plural } from '~/ui/console/model/format'
import { statusNames } from '~/ui/console/model/transitions'
import type { MemberData } from '~/utils/contracts/event-data'

/** A logged event as a sentence without its subject: the feed puts the person in front. */
export type Told = { id: string; at: string; userId: string | undefined; text: string; kind: ToldKind }
export type ToldKind = 'order' | 'product' | 'customer' | 'crew' | 'store' | 'notice'

export type NameOf = (userId: string) => string | undefined

export function describe(frame: LoggedFrame, nameOf: NameOf): Told | null {
  const said = sentenceOf(frame, nameOf)
  return said && { ...said, id: frame.id, at: frame.timestamp, userId: frame.userId }
}

function sentenceOf(frame: LoggedFrame, nameOf: NameOf): { text: string; kind: ToldKind } | null {
  switch (frame.type) {
    case 'order_created':
      return { text: `took order ${frame.data.orderNumber}, ${plural(frame.data.items.length, 'line')}`, kind: 'order' }
    case 'order_updated':
      return { text: `changed order ${frame.data.orderNumber}`, kind: 'order' }
    case 'order_status_changed':
      return { text: `set order ${frame.data.orderNumber} to ${statusNames[frame.data.status].toLowerCase()}`, kind: 'order' }
    case 'product_updated':
      return { text: `${verbOf(frame.data.action)} ${frame.data.product.name}${productNews(frame.data)}`, kind: 'product' }
    case 'category_updated':
      return { text: `${verbOf(frame.data.action)} the category ${frame.data.category.name}`, kind: 'product' }
    case 'customer_created':
    case 'customer_updated':
      return { text: `${verbOf(frame.data.action)} the customer ${frame.data.customerName}`, kind: 'customer' }
    case 'store_updated':
      if ('store' in frame.data) return { text: storeNews(frame.data), kind: 'store' }
      return { text: crewNews(frame.data, nameOf), kind: 'crew' }
    case 'general_notification':
      return { text: `says: ${frame.data.message}`, kind: 'notice' }
    case 'profile_updated':
      return null
  }
}

const verbOf = (action: 'created' | 'updated' | 'deleted'): string => (action === 'updated' ? 'changed' : action)

function productNews({ action, product, updatedFields }: Extract<LoggedFrame, { type: 'product_updated' }>['data']): string {
  if (action !== 'updated') return ''
  if (updatedFields?.isAvailable) return product.isAvailable ? ': on sale again' : ': sold out'
  return updatedFields?.stock && product.stock !== null ? `: ${product.stock} left` : ''
}

function storeNews({ store, updatedFields }: { store: { isOpen: boolean }; updatedFields: Record<string, true> }): string {
  if (updatedFields.isOpen) return store.isOpen ? 'opened the store' : 'closed the store'
  return 'changed the settings of the store'
}

/** Who has left has no name here any more. */
function crewNews({ action, userId, role }: MemberData, nameOf: NameOf): string {
  const name = nameOf(userId) ?? 'a member'
  if (action === 'member_added') return `added ${name} as ${role}`
  return action === 'member_removed' ? `removed ${name}` : `made ${name} ${role}`
}
