import { expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { transact } from '~/db/client'
import { pageQuery } from '~/db/page'
import { auditLog, categories, customers, orders, products } from '~/db/schema'
import { runBuilt } from '~/db/statement'
import { testServer } from './support/server'

await testServer()

const lists = { orders, products, customers, categories, audit_log: auditLog }

test.each(Object.entries(lists))('a page of %s is read in the order of its index, and not sorted out of the whole list', async (name, table) => {
  const storeId = Bun.randomUUIDv7()
  const query = pageQuery(table, { stream: null, scope: '', limit: 50, where: [eq(table.storeId, storeId)] })
  const plan = await transact('', 'plan', async (tx) => {
    // The tables of a test are so small that everything costs the same.
    await tx.execute(sql`set local enable_seqscan = off`)
    await tx.execute(sql`set local enable_bitmapscan = off`)
    return (await runBuilt(tx, sql`explain (costs off) ${query}`)).join('\n')
  })
  const [, belowLimit] = plan.split('Limit')
  expect(belowLimit).toContain(`Index Scan using ${name}_page`)
  expect(belowLimit).not.toContain('Sort')
})
