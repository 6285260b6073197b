import { randomBytes, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import express from 'express'
import pg from 'pg'
import { Server } from 'socket.io'
import { insertOrder, lists, lockOrder, readShop, updateOrder } from './sql.mjs'

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
    const { rows } = await client.query(lockOrder, [id, storeId])
    const [row] = rows
    if (!row || !next[row.status]?.includes(status)) return null
    const history = [...row.status_history, { status, at: row.now, userId: nobody, reason: null }]
    const { rows: changed } = await client.query(updateOrder, [id, status, JSON.stringify(history), row.now])
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
for (const [list, select] of Object.entries(lists)) {
  app.get(`/api/v1/stores/:storeId/${list}`, async (request, response) => {
    const { rows: data } = await pool.query(select, [request.params.storeId, Number(request.query.limit)])
    response.json({ success: true, data, message: 'Found', meta: { limit: data.length } })
  })
}
const stores = storeIds.map((storeId, index) => ({ storeId, productIds: productIds[index], token: '' }))
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port, stores })))
