import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import { displayName } from '~/controllers/session.controllers'
import { db } from '~/db/client'
import { type Emit, withEvents } from '~/db/events'
import { positionOf, readPage } from '~/db/page'
import { customers } from '~/db/schema'
import { containsText } from '~/db/search'
import type { Transaction } from '~/db/session'
import { storeStream } from '~/db/streams'
import { changesOf, requireVersion } from '~/db/versioned'
import type { Member } from '~/utils/actor'
import type { CreateCustomer, Customer, CustomerQuery, UpdateCustomer } from '~/utils/contracts/customer'
import { notFound } from '~/utils/errors'
import { wsManager } from '~/utils/websocket'

type CustomerRow = typeof customers.$inferSelect

export const toCustomer = (row: CustomerRow): Customer => ({
  id: row.id,
  storeId: row.storeId,
  firstName: row.firstName,
  lastName: row.lastName,
  phone: row.phone,
  email: row.email,
  note: row.note,
  version: row.version,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
})

/** A customer who is there: of this store and not anonymised. */
export const customerOfStore = (storeId: string, id: string): SQL | undefined =>
  and(eq(customers.id, id), eq(customers.storeId, storeId), isNull(customers.archivedAt))

const fullName = sql`concat_ws(' ', ${customers.firstName}, ${customers.lastName})`

export async function listCustomers(member: Member, query: CustomerQuery) {
  const { q, ...paging } = query
  const page = await readPage(customers, {
    ...paging,
    stream: storeStream(member.storeId),
    scope: `customers ${member.storeId} ${JSON.stringify([q])}`,
    where: [
      eq(customers.storeId, member.storeId),
      isNull(customers.archivedAt),
      q ? containsText([fullName, customers.phone, customers.email], q) : undefined,
    ],
  })
  return { ...page, data: page.rows.map(toCustomer) }
}

export async function getCustomer(member: Member, id: string) {
  const stream = storeStream(member.storeId)
  const [found] = await db
    .select({ row: customers, position: positionOf(stream) })
    .from(customers)
    .where(customerOfStore(member.storeId, id))
  if (!found) throw notFound()
  return { data: toCustomer(found.row), position: `${stream}=${found.position}` }
}

/** 404 and 412 of one customer, for requests whose body is wrong as well. */
export async function requireCustomer(member: Member, id: string): Promise<void> {
  requireVersion(member, (await getCustomer(member, id)).data.version)
}

export async function createCustomer(member: Member, input: CreateCustomer) {
  const written = await withEvents(member, (tx, emit) => insertCustomer(tx, emit, member.storeId, input))
  wsManager.sendCustomerUpdate(member.storeId, written.events)
  return written
}

/** A new customer with its event, in the caller's transaction: an order may bring one along. */
export async function insertCustomer(tx: Transaction, emit: Emit, storeId: string, input: CreateCustomer): Promise<Customer> {
  const [row] = await tx
    .insert(customers)
    .values({ id: Bun.randomUUIDv7(), storeId, ...input })
    .returning()
  return emitCustomer(emit, 'created', row)
}

export async function updateCustomer(member: Member, id: string, patch: UpdateCustomer) {
  const written = await withEvents(member, async (tx, emit) => {
    const row = await lockCustomer(tx, member, id)
    const changes = changesOf(row, patch)
    if (!changes) return toCustomer(row)
    const [updated] = await tx
      .update(customers)
      .set({ ...changes.values, ...nextCustomerVersion })
      .where(eq(customers.id, id))
      .returning()
    return emitCustomer(emit, 'updated', updated, changes.updatedFields)
  })
  wsManager.sendCustomerUpdate(member.storeId, written.events)
  return written
}

export const nextCustomerVersion = { version: sql`${customers.version} + 1`, updatedAt: sql`now()` }

/** Locks against every writer that refers to the customer, orders included. Throws 404 and 412. */
export async function lockCustomer(tx: Transaction, member: Member, id: string): Promise<CustomerRow> {
  const [row] = await tx.select().from(customers).where(customerOfStore(member.storeId, id)).for('update')
  if (!row) throw notFound()
  requireVersion(member, row.version)
  return row
}

export function emitCustomer(
  emit: Emit,
  action: 'created' | 'updated' | 'deleted',
  row: CustomerRow | undefined,
  updatedFields?: Record<string, true>,
): Customer {
  if (!row) throw notFound()
  const customer = toCustomer(row)
  emit({
    stream: storeStream(row.storeId),
    type: action === 'created' ? 'customer_created' : 'customer_updated',
    data: { action, customerId: row.id, customerName: displayName(row), customer, ...(updatedFields && { updatedFields }) },
    subjectId: row.id,
  })
  return customer
}
