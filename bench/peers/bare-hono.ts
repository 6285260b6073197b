import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { Hono } from 'hono'
import postgres from 'postgres'

/**
 * What ZipZap's REST API is measured against: Bun, Hono and a driver, the same tables and the same business SQL in one
 * transaction, and nothing else: nobody signs in, nothing is validated, nothing is logged, and only who listens to a store
 * when something is committed is told.
 *
 * Takes DATABASE_URL, or DATA_DIR for the embedded database, both empty; prints its port and its stores as JSON.
 */

type Row = Record<string, unknown>
type Query = (text: string, parameters: unknown[]) => Promise<Row[]>
type Sql = { query: Query; begin<T>(work: (query: Query) => Promise<T>): Promise<T>; script(text: string): Promise<unknown> }

async function openSql(): Promise<Sql> {
  const { DATABASE_URL, DATA_DIR = 'memory://' } = process.env
  if (!DATABASE_URL) {
    const client = await PGlite.create(DATA_DIR)
    return {
      query: async (text, parameters) => (await client.query<Row>(text, parameters)).rows,
      begin: (work) => client.transaction((tx) => work(async (text, parameters) => (await tx.query<Row>(text, parameters)).rows)),
      script: (text) => client.exec(text),
    }
  }
  const bigint = { to: 20, from: [20], parse: Number, serialize: String }
  const sql = postgres(DATABASE_URL, { max: 10, onnotice: () => {}, types: { bigint } })
  const queryOf =
    (tx: postgres.TransactionSql | postgres.Sql): Query =>
    async (text, parameters) =>
      (await tx.unsafe(text, parameters as postgres.ParameterOrJSON<never>[], { prepare: true })) as Row[]
  return {
    query: queryOf(sql),
    begin: <T>(work: (query: Query) => Promise<T>) => sql.begin((tx) => work(queryOf(tx))) as Promise<T>,
    script: (text) => sql.unsafe(text),
  }
}

const storeIds = Array.from({ length: 20 }, () => Bun.randomUUIDv7())
const productIds = storeIds.map(() => Array.from({ length: 60 }, () => Bun.randomUUIDv7()))

async function furnish(sql: Sql): Promise<void> {
  const folder = join(import.meta.dir, '../../db/migrations')
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort())
    await sql.script(readFileSync(join(folder, name), 'utf8'))
  for (const [index, storeId] of storeIds.entries()) {
    await sql.script(
      `insert into stores (id, name, timezone, currency, tax_rate_bps, prices_include_tax) values ('${storeId}', 'Store', 'UTC', 'EUR', 1900, false)`,
    )
    for (const id of productIds[index] ?? [])
      await sql.script(`insert into products (id, store_id, name, price, modifier_groups) values ('${id}', '${storeId}', 'Product', 500, '[]')`)
  }
}

const columns = `id, store_id as "storeId", order_number::text as "orderNumber", type, source, status, payment_status as "paymentStatus", currency,
  prices_include_tax as "pricesIncludeTax", items, subtotal, discount, tax, tip, delivery_fee as "deliveryFee", service_charge as "serviceCharge", total,
  amount_paid as "amountPaid", customer_id as "customerId", customer_name as "customerName", table_number as "tableNumber",
  delivery_address as "deliveryAddress", requested_for as "requestedFor", note, tracking_token as "trackingToken", status_history as "statusHistory",
  version, created_at as "createdAt", updated_at as "updatedAt"`

const readShop = `select s.currency, s.tax_rate_bps as rate, s.prices_include_tax as "pricesIncludeTax", now() as now, p.*
  from stores s left join products p on p.store_id = s.id and p.id in ($2, $3) and p.archived_at is null where s.id = $1`

const insertOrder = `with numbered as (
    insert into order_counters (store_id, last_number) values ($2, 1001)
    on conflict (store_id) do update set last_number = order_counters.last_number + 1 returning last_number
  )
  insert into orders (id, store_id, order_number, type, currency, prices_include_tax, items, subtotal, discount, tax, tip, delivery_fee,
    service_charge, total, note, tracking_token, status_history, created_by)
  values ($1, $2, (select last_number from numbered), $3, $4, $5, $6, $7, 0, $8, 0, 0, 0, $9, $10, $11, $12, $13) returning ${columns}`

type NewOrder = { type: string; note?: string; items: { productId: string; quantity: number }[] }
const nobody = Bun.randomUUIDv7()

function createOrder(sql: Sql, storeId: string, body: NewOrder) {
  return sql.begin(async (query) => {
    const shop = await query(readShop, [storeId, ...body.items.map((item) => item.productId)])
    const menu = new Map(shop.map((row) => [row.id, row]))
    const items = body.items.map(({ productId, quantity }) => {
      const product = menu.get(productId)
      const unitPrice = Number(product?.price)
      const taxRateBps = Number(product?.tax_rate_bps ?? shop[0]?.rate)
      const { name, sku } = product ?? {}
      return {
        id: Bun.randomUUIDv7(),
        productId,
        name,
        sku,
        unitPrice,
        taxRateBps,
        quantity,
        modifiers: [],
        note: null,
        lineTotal: unitPrice * quantity,
      }
    })
    const subtotal = items.reduce((sum, item) => sum + item.lineTotal, 0)
    const tax = Math.round(items.reduce((sum, item) => sum + item.lineTotal * item.taxRateBps, 0) / 10_000)
    const history = [{ status: 'pending', at: shop[0]?.now, userId: nobody, reason: null }]
    const token = randomBytes(24).toString('base64url')
    const values = [
      body.type,
      shop[0]?.currency,
      shop[0]?.pricesIncludeTax,
      items,
      subtotal,
      tax,
      subtotal + tax,
      body.note ?? null,
      token,
      history,
      nobody,
    ]
    const [order] = await query(insertOrder, [Bun.randomUUIDv7(), storeId, ...values])
    return order
  })
}

const next: Record<string, string[]> = { pending: ['confirmed'], confirmed: ['preparing'], preparing: ['ready'], ready: ['completed'] }

function changeStatus(sql: Sql, storeId: string, id: string, status: string) {
  return sql.begin(async (query) => {
    const [row] = await query('select *, clock_timestamp() as now from orders where id = $1 and store_id = $2 for no key update', [id, storeId])
    if (!row || !next[String(row.status)]?.includes(status)) return null
    const history = [...(row.status_history as unknown[]), { status, at: row.now, userId: nobody, reason: null }]
    const [order] = await query(
      `update orders set status = $2, status_history = $3, version = version + 1, updated_at = $4 where id = $1 returning ${columns}`,
      [id, status, history, row.now],
    )
    return order
  })
}

const sql = await openSql()
await furnish(sql)
const app = new Hono()
const tell = (storeId: string, type: string, data: unknown) => {
  if (server.subscriberCount(storeId) > 0) server.publish(storeId, JSON.stringify({ type, data }))
}
app.get('/ws', (c) => new Response(null, { status: server.upgrade(c.req.raw, { data: c.req.query('store') ?? '' }) ? 200 : 400 }))
app.post('/api/v1/stores/:storeId/orders', async (c) => {
  const data = await createOrder(sql, c.req.param('storeId'), await c.req.json<NewOrder>())
  tell(c.req.param('storeId'), 'order_created', data)
  return c.json({ success: true, data, message: 'Order created' }, 201)
})
app.post('/api/v1/stores/:storeId/orders/:id/status', async (c) => {
  const { status } = await c.req.json<{ status: string }>()
  const data = await changeStatus(sql, c.req.param('storeId'), c.req.param('id'), status)
  if (data) tell(c.req.param('storeId'), 'order_status_changed', data)
  return c.json({ success: data !== null, data, message: 'Order status changed' }, data ? 200 : 409)
})
const productColumns = `id, store_id as "storeId", category_id as "categoryId", name, description, sku, price, tax_rate_bps as "taxRateBps",
  is_available as "isAvailable", stock, image_url as "imageUrl", modifier_groups as "modifierGroups", version, created_at as "createdAt",
  updated_at as "updatedAt"`
for (const [list, chosen] of [
  ['orders', columns],
  ['products', productColumns],
] as const) {
  const archived = list === 'products' ? 'and archived_at is null' : ''
  const select = `select ${chosen} from ${list} where store_id = $1 ${archived} order by created_at desc nulls last, id desc nulls last limit $2`
  app.get(`/api/v1/stores/:storeId/${list}`, async (c) => {
    const data = await sql.query(select, [c.req.param('storeId'), Number(c.req.query('limit'))])
    return c.json({ success: true, data, message: 'Found', meta: { limit: data.length } })
  })
}
const server = Bun.serve<string>({
  hostname: '127.0.0.1',
  port: 0,
  fetch: app.fetch,
  websocket: { open: (socket) => void socket.subscribe(socket.data), message() {} },
})
console.log(JSON.stringify({ port: server.port, stores: storeIds.map((storeId, index) => ({ storeId, productIds: productIds[index], token: '' })) }))
