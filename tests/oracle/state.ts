import type { EventFrame } from '../support/stream-client'

/** What a client knows of a store, built from a reading by REST and from events, each applied when its version is newer. */

export const kinds = ['store', 'category', 'product', 'customer', 'order'] as const
export type Kind = (typeof kinds)[number]

export type Resource = { id: string; version: number }
type Known = { resource: Resource; seq: number; isDeleted: boolean }

const kindOf: Record<string, Kind> = {
  store_updated: 'store',
  category_updated: 'category',
  product_updated: 'product',
  customer_created: 'customer',
  customer_updated: 'customer',
  order_created: 'order',
  order_updated: 'order',
  order_status_changed: 'order',
}

export class StoreState {
  private readonly known = new Map<Kind, Map<string, Known>>(kinds.map((kind) => [kind, new Map()]))

  private of(kind: Kind): Map<string, Known> {
    return this.known.get(kind) ?? new Map()
  }

  clear(): void {
    for (const resources of this.known.values()) resources.clear()
  }

  apply({ type, seq, data }: EventFrame): void {
    const kind = kindOf[type]
    const resource = kind && resourceOf(data, kind)
    if (!resource) return
    const resources = this.of(kind)
    const before = resources.get(resource.id)
    if (before && before.resource.version >= resource.version) return
    resources.set(resource.id, { resource, seq, isDeleted: data.action === 'deleted' })
  }

  /** Takes a list as REST shows it: complete up to `seq`, and perhaps newer than that. */
  load(kind: Kind, rows: readonly Resource[], seq: number): void {
    const resources = this.of(kind)
    const listed = new Map(rows.map((row) => [row.id, row]))
    for (const [id, { seq: knownSeq }] of resources) if (!listed.has(id) && knownSeq <= seq) resources.delete(id)
    for (const row of rows) {
      const before = resources.get(row.id)
      if (!before || before.resource.version <= row.version)
        resources.set(row.id, { resource: row, seq: Math.max(seq, before?.seq ?? 0), isDeleted: false })
    }
  }

  list(kind: Kind): Resource[] {
    return [...this.of(kind).values()].filter(({ isDeleted }) => !isDeleted).map(({ resource }) => resource)
  }
}

/** A change of membership is told by `store_updated` as well, without a store. */
const resourceOf = (data: Record<string, unknown>, kind: Kind): Resource | undefined => data[kind] as Resource | undefined

/** What is wrong with a state, compared with what REST shows now. */
export function differences(kind: Kind, mine: readonly Resource[], theirs: readonly Resource[]): string[] {
  const own = new Map(mine.map((resource) => [resource.id, resource]))
  const faults: string[] = []
  for (const row of theirs) {
    const known = own.get(row.id)
    own.delete(row.id)
    if (!known) faults.push(`${kind} ${row.id} is unknown`)
    else if (known.version !== row.version) faults.push(`${kind} ${row.id} is at version ${known.version}, not ${row.version}`)
    else if (!isEqual(kind, known, row)) faults.push(`${kind} ${row.id} differs: ${JSON.stringify(known)} is not ${JSON.stringify(row)}`)
  }
  for (const id of own.keys()) faults.push(`${kind} ${id} is known, and not there`)
  return faults
}

/** The name of an anonymised customer goes from orders without a new version: nothing their readers act on changed. */
function isEqual(kind: Kind, known: Resource, row: Resource): boolean {
  const isCleared = kind === 'order' && 'customerName' in row && row.customerName === null
  return Bun.deepEquals(isCleared ? { ...known, customerName: null } : known, row)
}
