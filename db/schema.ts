import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import type { AuditAction } from '~/utils/contracts/audit'
import type { Role } from '~/utils/contracts/common'
import type { ModifierGroup, OrderItem, OrderSource, OrderStatus, OrderType, PaymentStatus, StatusChange } from '~/utils/contracts/order-document'

/** Columns are snake_case in the database (`casing` in db/client.ts). Money is `bigint`, minor units. */

const money = () => bigint({ mode: 'number' })
const instant = () => timestamp({ withTimezone: true, precision: 3, mode: 'date' })
const bytes = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })
const created = { createdAt: instant().notNull().defaultNow() }
const versioned = { version: integer().notNull().default(1), ...created, updatedAt: instant().notNull().defaultNow() }

// Identity

export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey(),
    kind: text().$type<'person' | 'device'>().notNull().default('person'),
    email: text(),
    passwordHash: text(),
    firstName: text().notNull(),
    lastName: text(),
    phone: text(),
    avatarUrl: text(),
    locale: text(),
    ...versioned,
  },
  (t) => [
    uniqueIndex('users_email_unique').on(sql`lower(${t.email})`),
    check('users_person_has_credentials', sql`${t.kind} = 'device' or (${t.email} is not null and ${t.passwordHash} is not null)`),
  ],
)

/** `tokenHash` is the SHA-256 of the token, which itself is stored nowhere. `expiresAt` is the absolute end. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    tokenHash: bytes().notNull(),
    userAgent: text(),
    ...created,
    lastUsedAt: instant().notNull().defaultNow(),
    expiresAt: instant(),
    endedAt: instant(),
  },
  (t) => [
    uniqueIndex('sessions_token_hash_unique').on(t.tokenHash),
    index('sessions_user').on(t.userId, t.createdAt),
    index('sessions_ended').on(t.endedAt).where(sql`${t.endedAt} is not null`),
  ],
)

/** One row a failed sign-in; counted within a window, over all instances. */
export const signInFailures = pgTable(
  'sign_in_failures',
  { id: uuid().primaryKey(), account: text().notNull(), address: text().notNull(), at: instant().notNull().defaultNow() },
  (t) => [index('sign_in_failures_address').on(t.address, t.at), index('sign_in_failures_at').on(t.at)],
)

export const tickets = pgTable(
  'tickets',
  {
    tokenHash: bytes().primaryKey(),
    sessionId: uuid()
      .notNull()
      .references(() => sessions.id),
    expiresAt: instant().notNull(),
  },
  (t) => [index('tickets_expires').on(t.expiresAt)],
)

/**
 * Requests for a new password, of unknown accounts too: they are counted, and answered, alike. `tokenHash` is the SHA-256
 * of the token in the mailed link.
 */
export const passwordResets = pgTable(
  'password_resets',
  {
    id: uuid().primaryKey(),
    /** Null: nobody has this account, and nobody was told the token. */
    userId: uuid().references(() => users.id),
    tokenHash: bytes().notNull(),
    account: text().notNull(),
    address: text().notNull(),
    ...created,
    expiresAt: instant().notNull(),
  },
  (t) => [
    uniqueIndex('password_resets_token_hash_unique').on(t.tokenHash),
    index('password_resets_account').on(t.account, t.createdAt),
    index('password_resets_address').on(t.address, t.createdAt),
    index('password_resets_user').on(t.userId),
    index('password_resets_expires').on(t.expiresAt),
  ],
)

// Stores

export const stores = pgTable(
  'stores',
  {
    id: uuid().primaryKey(),
    name: text().notNull(),
    slug: text(),
    timezone: text().notNull(),
    currency: text().notNull(),
    taxRateBps: integer().notNull(),
    pricesIncludeTax: boolean().notNull(),
    phone: text(),
    address: text(),
    isOpen: boolean().notNull().default(true),
    prepMinutes: integer().notNull().default(15),
    ...versioned,
  },
  (t) => [uniqueIndex('stores_slug_unique').on(t.slug), check('stores_tax_rate', sql`${t.taxRateBps} between 0 and 10000`)],
)

/** Apart from `stores`, so that taking an order's number never waits for a change of the store's settings. */
export const orderCounters = pgTable('order_counters', {
  storeId: uuid()
    .primaryKey()
    .references(() => stores.id),
  lastNumber: bigint({ mode: 'number' }).notNull().default(1000),
})

export const members = pgTable(
  'members',
  {
    storeId: uuid()
      .notNull()
      .references(() => stores.id),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    role: text().$type<Role>().notNull(),
    ...created,
  },
  (t) => [primaryKey({ columns: [t.storeId, t.userId] }), index('members_user').on(t.userId)],
)

// Catalogue and customers; a row with `archivedAt` is left out of lists and of GET by id

const inStore = {
  id: uuid().primaryKey(),
  storeId: uuid()
    .notNull()
    .references(() => stores.id),
}

export const categories = pgTable(
  'categories',
  {
    ...inStore,
    name: text().notNull(),
    position: integer().notNull().default(0),
    isActive: boolean().notNull().default(true),
    archivedAt: instant(),
    ...versioned,
  },
  (t) => [index('categories_page').on(t.storeId, t.createdAt.desc(), t.id.desc())],
)

export const products = pgTable(
  'products',
  {
    ...inStore,
    categoryId: uuid().references(() => categories.id),
    name: text().notNull(),
    sku: text(),
    description: text(),
    price: money().notNull(),
    taxRateBps: integer(),
    imageUrl: text(),
    isAvailable: boolean().notNull().default(true),
    stock: integer(),
    modifierGroups: jsonb().$type<ModifierGroup[]>().notNull(),
    archivedAt: instant(),
    ...versioned,
  },
  (t) => [
    index('products_page').on(t.storeId, t.createdAt.desc(), t.id.desc()),
    index('products_category').on(t.categoryId),
    check('products_price', sql`${t.price} between 0 and 99999999999`),
    check('products_stock', sql`${t.stock} >= 0`),
  ],
)

export const customers = pgTable(
  'customers',
  {
    ...inStore,
    firstName: text().notNull(),
    lastName: text(),
    phone: text(),
    email: text(),
    note: text(),
    archivedAt: instant(),
    ...versioned,
  },
  (t) => [index('customers_page').on(t.storeId, t.createdAt.desc(), t.id.desc())],
)

// Orders

/** An order is a document: its lines and its history are copies that are only ever read and written with it. */
export const orders = pgTable(
  'orders',
  {
    ...inStore,
    orderNumber: bigint({ mode: 'number' }).notNull(),
    type: text().$type<OrderType>().notNull(),
    source: text().$type<OrderSource>(),
    status: text().$type<OrderStatus>().notNull().default('pending'),
    paymentStatus: text().$type<PaymentStatus>().notNull().default('unpaid'),
    currency: text().notNull(),
    pricesIncludeTax: boolean().notNull(),
    items: jsonb().$type<OrderItem[]>().notNull(),
    subtotal: money().notNull(),
    discount: money().notNull(),
    tax: money().notNull(),
    tip: money().notNull(),
    deliveryFee: money().notNull(),
    serviceCharge: money().notNull(),
    total: money().notNull(),
    amountPaid: money().notNull().default(0),
    customerId: uuid().references(() => customers.id),
    customerName: text(),
    tableNumber: text(),
    deliveryAddress: text(),
    requestedFor: instant(),
    note: text(),
    trackingToken: text().notNull(),
    statusHistory: jsonb().$type<StatusChange[]>().notNull(),
    /** Pieces by product that the order took out of a counted stock, and has not brought back. */
    stockTaken: jsonb().$type<Record<string, number>>().notNull().default({}),
    createdBy: uuid().notNull(),
    ...versioned,
  },
  (t) => [
    uniqueIndex('orders_number_unique').on(t.storeId, t.orderNumber),
    uniqueIndex('orders_tracking_unique').on(t.trackingToken),
    index('orders_page').on(t.storeId, t.createdAt.desc(), t.id.desc()),
    index('orders_open').on(t.storeId, t.status).where(sql`${t.status} in ('pending', 'confirmed', 'preparing', 'ready')`),
    index('orders_customer').on(t.customerId),
    check(
      'orders_total',
      sql`${t.total} = ${t.subtotal} - ${t.discount} + case when ${t.pricesIncludeTax} then 0 else ${t.tax} end + ${t.tip} + ${t.deliveryFee} + ${t.serviceCharge}`,
    ),
    check(
      'orders_amounts',
      sql`least(${t.subtotal}, ${t.discount}, ${t.tax}, ${t.tip}, ${t.deliveryFee}, ${t.serviceCharge}, ${t.total}, ${t.amountPaid}) >= 0 and ${t.discount} <= ${t.subtotal}`,
    ),
    check('orders_largest', sql`greatest(${t.subtotal}, ${t.total}) <= 99999999999`),
  ],
)

export const payments = pgTable(
  'payments',
  {
    ...inStore,
    orderId: uuid()
      .notNull()
      .references(() => orders.id),
    kind: text().$type<'payment' | 'refund'>().notNull(),
    method: text().$type<'cash' | 'card' | 'other'>().notNull(),
    amount: money().notNull(),
    reference: text(),
    userId: uuid().notNull(),
    ...created,
  },
  (t) => [index('payments_order').on(t.orderId, t.createdAt), check('payments_amount', sql`${t.amount} > 0`)],
)

// The event log; db/events.ts says what it guarantees

/** One row a stream: the counter whose row lock, held to COMMIT, makes numbers contiguous and in commit order. */
export const streams = pgTable('streams', {
  stream: text().primaryKey(),
  epoch: text().notNull(),
  lastSeq: bigint({ mode: 'number' }).notNull().default(0),
  /** Events up to here were removed by retention. */
  prunedSeq: bigint({ mode: 'number' }).notNull().default(0),
  /** Which key seals the next event; moves on when somebody loses sight of the stream. */
  keyGeneration: integer().notNull().default(0),
})

/** The database in which this log was written, in one row; db/epochs.ts. */
export const logOrigin = pgTable('log_origin', { id: integer().primaryKey(), origin: text().notNull(), ...created }, (t) => [
  check('log_origin_is_one_row', sql`${t.id} = 1`),
])

export const events = pgTable(
  'events',
  {
    stream: text().notNull(),
    seq: bigint({ mode: 'number' }).notNull(),
    id: uuid().notNull(),
    type: text().notNull(),
    /** `json`, not `jsonb`: the text is sent as it was written. */
    data: json().notNull(),
    /** How `data` was sealed; null: it is plain. */
    enc: json(),
    at: instant().notNull().defaultNow(),
    userId: uuid(),
    storeId: uuid(),
    sessionId: text(),
    /** The resource (or member) it tells of. */
    subjectId: uuid(),
    /** What the filters and roles ask about an order, so that they can be judged without opening `data`. */
    orderStatus: text(),
    orderType: text(),
    orderCreatedBy: uuid(),
  },
  (t) => [primaryKey({ columns: [t.stream, t.seq] }), index('events_at').on(t.at)],
)

/**
 * Who did what, by ids alone; db/audit.ts. A trigger refuses every UPDATE, DELETE and TRUNCATE. Without a store: what
 * concerns an account.
 */
export const auditLog = pgTable(
  'audit_log',
  {
    id: uuid().primaryKey(),
    storeId: uuid().references(() => stores.id),
    userId: uuid().notNull(),
    action: text().$type<AuditAction>().notNull(),
    targetId: uuid(),
    ...created,
  },
  (t) => [index('audit_log_page').on(t.storeId, t.createdAt.desc(), t.id.desc())],
)

/** The answer of a write, kept 24 hours under its Idempotency-Key; written in the write's own transaction. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    userId: uuid().notNull(),
    path: text().notNull(),
    key: text().notNull(),
    bodyHash: text().notNull(),
    answer: json(),
    position: text(),
    /** Asked for by nothing any more; the code before this writes it, and may run beside this. */
    subjectId: uuid(),
    ...created,
  },
  (t) => [primaryKey({ columns: [t.userId, t.path, t.key] }), index('idempotency_keys_created').on(t.createdAt)],
)

/** How far a device has acknowledged a stream: the queue of a client that lost its local state. */
export const devicePositions = pgTable(
  'device_positions',
  {
    userId: uuid()
      .notNull()
      .references(() => users.id),
    deviceId: text().notNull(),
    stream: text().notNull(),
    epoch: text().notNull(),
    seq: bigint({ mode: 'number' }).notNull(),
    updatedAt: instant().notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.deviceId, t.stream] })],
)
