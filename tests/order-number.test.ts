import { afterEach, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { db } from '~/db/client'
import { rowsOf } from '~/db/session'
import { loadConfig } from '~/utils/config'
import { configureSealing } from '~/utils/sealing'
import { joinStore } from './support/member-socket'
import { createOrder, createProduct, createWorld, unique } from './support/world'

/** A number is taken while the order is inserted, when the event and the kept answer are made already: it has to be in all of them. */

afterEach(() => configureSealing(loadConfig({})))

const cases = {
  'one event': {},
  'several events': { isCounted: true, customer: { firstName: 'Ottoline' } },
  'several events, one of them sealed': { isCounted: true, customer: { firstName: 'Ottoline' }, isSealing: true },
}

describe.each(Object.entries(cases))(
  'an order of %s',
  (_, { isCounted, customer, isSealing }: { isCounted?: boolean; customer?: object; isSealing?: boolean }) => {
    for (const isRepeated of [true, false])
      test(`has one number ${isRepeated ? 'in its row, its event, its answer and the repeated one' : 'without a key as well'}`, async () => {
        if (isSealing) configureSealing(loadConfig({ WS_ENCRYPTION_KEY: randomBytes(32).toString('base64') }))
        const world = await createWorld()
        const product = await createProduct(world, isCounted ? { stock: 5 } : {})
        const socket = await joinStore(world, world.manager)
        const body = {
          type: 'pickup',
          items: [{ productId: product.id, quantity: 1 }],
          note: '"orderNumber":"-1" -70368744177664',
          ...(customer && { customer }),
        }
        const options = isRepeated ? { headers: { 'Idempotency-Key': unique('order') } } : {}
        const numbers: string[] = []
        for (let order = 0; order < 2; order++) {
          const { status, data } = await world.staff.api.post(`${world.path}/orders`, body, options)
          expect(status).toBe(201)
          expect(data.note).toBe(body.note)
          numbers.push(data.orderNumber)
          const { data: read } = await world.staff.api.get(`${world.path}/orders/${data.id}`)
          expect(read).toEqual(data)
        }
        expect(numbers).toEqual(isRepeated ? ['1001', '1001'] : ['1001', '1002'])

        const frame = await socket.next('order_created')
        expect([frame.data.orderNumber, frame.data.order.orderNumber, frame.data.order.note]).toEqual(['1001', '1001', body.note])
        const [kept] = await rowsOf<{ count: number }>(
          db,
          sql`select count(*)::int as count from events where store_id = ${world.storeId} and data::text like '%"orderNumber":"-%'`,
        )
        expect(kept?.count).toBe(0)
        socket.close()
      })
  },
)

test('refused orders take no number', async () => {
  const world = await createWorld()
  const product = await createProduct(world)
  const id = Bun.randomUUIDv7()
  const take = (own?: string) =>
    world.staff.api.post(`${world.path}/orders`, { ...(own && { id: own }), type: 'pickup', items: [{ productId: product.id, quantity: 1 }] })
  const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => take(index % 2 ? id : undefined)))
  const taken = answers.filter(({ status }) => status === 201).map(({ data }) => Number(data.orderNumber))
  expect(taken.toSorted()).toEqual([1001, 1002, 1003, 1004, 1005, 1006, 1007])
  expect(answers.filter(({ status }) => status === 409).map(({ body }) => body.error.code)).toEqual(Array(5).fill('id_taken'))
  expect((await take()).data.orderNumber).toBe('1008')
})

/** Three orders with one id are sent while their number is locked, so that only the insert can tell that the id is taken. */
async function racing(url: string): Promise<void> {
  const database = postgres(url, { max: 2, onnotice: () => {} })
  const waiting = async () => {
    const [row] = await database`select count(*)::int as count from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    return row?.count
  }
  const world = await createWorld()
  const product = await createProduct(world)
  await createOrder(world, product.id)
  const body = { id: Bun.randomUUIDv7(), type: 'pickup', items: [{ productId: product.id, quantity: 1 }] }
  const sent = await database.begin(async (tx) => {
    await tx`select 1 from order_counters where store_id = ${world.storeId} for update`
    const sending = Array.from({ length: 3 }, () => world.staff.api.post(`${world.path}/orders`, body))
    while ((await waiting()) !== 3) await Bun.sleep(5)
    return { sending }
  })
  const answers = await Promise.all(sent.sending)
  expect(answers.map(({ code }) => code ?? 'taken').toSorted()).toEqual(['id_taken', 'id_taken', 'taken'])
  expect((await createOrder(world, product.id)).orderNumber).toBe('1003')
  await database.end()
}

const { TEST_DATABASE_URL } = process.env
if (TEST_DATABASE_URL) test('orders that are refused by their insert give their number back', () => racing(TEST_DATABASE_URL))
