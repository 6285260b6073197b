import { randomBytes, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import express from 'express'
import pg from 'pg'
import { Server } from 'socket.io'

/**
 * What most people would take for the whole job: Express, pg, Socket.IO and PostgreSQL on Node. The tables, the SQL and the
 * answers are those of bare-hono.ts; each change is told to the room of its store once it is committed. Nobody signs in,
 * nothing is validated, nothing is logged. Statements are given to `query` as pg's guide does, without names of their own.
 *
 * Takes DATABASE_URL, which is empty; prints its port and its stores as JSON.
 */

pg.types.setTypeParser(pg.types.builtins.INT8, Number)
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })

const storeIds = Array.from({ length: 20 }, () => randomUUID())
const productIds = storeIds.map(() => Array.from({ length: 60 }, () => randomUUID()))

async function furnish() {
  const folder = join(import.meta.dirname, '../../db/migrations')
  const migrations = readdirSync(folder).filter((file) => file.endsWith('.sql'))
  for (const name of migrations.sort()) await pool.query(readFileSync(join(folder, name), 'utf8'))
  for (const [index, storeId] of storeIds.entries()) {
    await pool.query(
      `insert into stores (id, name, timezone, currency, tax_rate_bps, prices_include_tax) values ($1, 'Store', 'UTC', 'EUR', 1900, false)`,
      [storeId],
    )
    const product = `insert into products (id, store_id, name, price, modifier_groups) values ($1, $2, 'Product', 500, '[]')`
    for (const id of productIds[index]) await pool.query(product, [id, storeId])
  }
}

async function inTransaction(work) {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
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

const nobody = randomUUID()

const createOrder = (storeId, body) =>
  inTransaction(async (client) => {
    const { rows: shop } = await client.query(readShop, [storeId, ...body.items.map((item) => item.productId)])
    const menu = new Map(shop.map((row) => [row.id, row]))
    const items = body.items.map(({ productId, quantity }) => {
      const { name, sku, price, tax_rate_bps } = menu.get(productId)
      const line = { id: randomUUID(), productId, name, sku, unitPrice: price, taxRateBps: tax_rate_bps ?? shop[0].rate, quantity }
      return { ...line, modifiers: [], note: null, lineTotal: price * quantity }
    })
    const subtotal = items.reduce((sum, item) => sum + item.lineTotal, 0)
    const tax = Math.round(items.reduce((sum, item) => sum + item.lineTotal * item.taxRateBps, 0) / 10_000)
    const history = [{ status: 'pending', at: shop[0].now, userId: nobody, reason: null }]
    const { rows } = await client.query(insertOrder, [
      randomUUID(),
      storeId,
      body.type,
      shop[0].currency,
      shop[0].pricesIncludeTax,
      JSON.stringify(items),
      subtotal,
      tax,
      subtotal + tax,
      body.note ?? null,
      randomBytes(24).toString('base64url'),
      JSON.stringify(history),
      nobody,
    ])
    return rows[0]
  })

const next = { pending: ['confirmed'], confirmed: ['preparing'], preparing: ['ready'], ready: ['completed'] }

const changeStatus = (storeId, id, status) =>
  inTransaction(async (client) => {
    const select = 'select *, clock_timestamp() as now from orders where id = $1 and store_id = $2 for no key update'
    const { rows } = await client.query(select, [id, storeId])
    const [row] = rows
    if (!row || !next[row.status]?.includes(status)) return null
    const history = [...row.status_history, { status, at: row.now, userId: nobody, reason: null }]
    const update = `update orders set status = $2, status_history = $3, version = version + 1, updated_at = $4 where id = $1 returning ${columns}`
    const { rows: changed } = await client.query(update, [id, status, JSON.stringify(history), row.now])
    return changed[0]
  })

await furnish()
const app = express()
app.use(express.json())
const server = createServer(app)
const io = new Server(server)
io.on('connection', (socket) => socket.join(socket.handshake.auth.storeId))

app.post('/api/v1/stores/:storeId/orders', async (request, response) => {
  const { storeId } = request.params
  const data = await createOrder(storeId, request.body)
  io.to(storeId).emit('order_created', data)
  response.status(201).json({ success: true, data, message: 'Order created' })
})
app.post('/api/v1/stores/:storeId/orders/:id/status', async (request, response) => {
  const { storeId, id } = request.params
  const data = await changeStatus(storeId, id, request.body.status)
  if (data) io.to(storeId).emit('order_status_changed', data)
  response.status(data ? 200 : 409).json({ success: data !== null, data, message: 'Order status changed' })
})
const productColumns = `id, store_id as "storeId", category_id as "categoryId", name, description, sku, price, tax_rate_bps as "taxRateBps",
  is_available as "isAvailable", stock, image_url as "imageUrl", modifier_groups as "modifierGroups", version, created_at as "createdAt",
  updated_at as "updatedAt"`
for (const [list, chosen] of [
  ['orders', columns],
  ['products', productColumns],
]) {
  const archived = list === 'products' ? 'and archived_at is null' : ''
  const select = `select ${chosen} from ${list} where store_id = $1 ${archived} order by created_at desc nulls last, id desc nulls last limit $2`
  app.get(`/api/v1/stores/:storeId/${list}`, async (request, response) => {
    const { rows: data } = await pool.query(select, [request.params.storeId, Number(request.query.limit)])
    response.json({ success: true, data, message: 'Found', meta: { limit: data.length } })
  })
}
const stores = storeIds.map((storeId, index) => ({ storeId, productIds: productIds[index], token: '' }))
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port, stores })))
