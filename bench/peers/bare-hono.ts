import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { Hono } from 'hono'
import postgres from 'postgres'
import { insertOrder, lists, lockOrder, readShop, updateOrder } from './sql.mjs'

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
    const [row] = await query(lockOrder, [id, storeId])
    if (!row || !next[String(row.status)]?.includes(status)) return null
    const history = [...(row.status_history as unknown[]), { status, at: row.now, userId: nobody, reason: null }]
    const [order] = await query(updateOrder, [id, status, history, row.now])
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
for (const [list, select] of Object.entries(lists)) {
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
