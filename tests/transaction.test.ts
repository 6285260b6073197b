import { beforeAll, describe, expect, test } from 'bun:test'
import { createServer } from 'node:net'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { db, transact } from '~/db/client'
import { rowsOf, type Transaction } from '~/db/session'
import { Statement, slot } from '~/db/statement'
import { inTransaction } from '~/db/transaction'
import { Writer } from '~/db/writer'
import { testServer } from './support/server'

beforeAll(async () => {
  await testServer()
  await db.execute(sql`create table if not exists notes (id text primary key, backend int default pg_backend_pid())`)
})

const note = new Statement<{ id: string }, number>(
  () => sql`insert into notes (id) values (${slot('id')}) returning backend`,
  ([backend]) => Number(backend),
)
const isKept = async (id: string) => (await rowsOf(db, sql`select 1 from notes where id = ${id}`)).length === 1
const newId = () => crypto.randomUUID()

describe('a transaction', () => {
  test('keeps all of its statements, whichever way they were sent', async () => {
    const ids = [newId(), newId(), newId()] as const
    await inTransaction(async (tx) => {
      note.send(tx, { id: ids[0] })
      await note.run(tx, { id: ids[1] })
      await note.runLast(tx, { id: ids[2] })
    })
    for (const id of ids) expect(await isKept(id)).toBe(true)
  })

  test('keeps nothing when its work throws', async () => {
    const id = newId()
    const work = async (tx: Transaction) => {
      await note.run(tx, { id })
      throw new Error('changed my mind')
    }
    await expect(inTransaction(work)).rejects.toThrow('changed my mind')
    expect(await isKept(id)).toBe(false)
  })

  test('fails with the fault of a statement that nobody waited for, not with what followed from it', async () => {
    const id = newId()
    const other = newId()
    await inTransaction((tx) => note.run(tx, { id }))
    const work = async (tx: Transaction) => {
      note.send(tx, { id })
      await note.runLast(tx, { id: other })
    }
    expect(await inTransaction(work).catch((error: { code?: string }) => error.code)).toBe('23505')
    expect(await isKept(other)).toBe(false)
    const next = newId()
    await inTransaction((tx) => note.run(tx, { id: next }))
    expect(await isKept(next)).toBe(true)
  })

  test('fails when its last statement does, though COMMIT was sent behind it', async () => {
    const id = newId()
    const work = async (tx: Transaction) => {
      await note.run(tx, { id })
      await note.runLast(tx, { id })
    }
    expect(await inTransaction(work).catch((error: { code?: string }) => error.code)).toBe('23505')
    expect(await isKept(id)).toBe(false)
  })
})

test('a connection that is given up while it is being opened fails what waits for it', async () => {
  const accepted = Promise.withResolvers<void>()
  const silent = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => accepted.resolve())
  })
  await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening))
  const address = silent.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const open = () => postgres(`postgres://zipzap@127.0.0.1:${port}/none`, { max: 1, connect_timeout: 600, onnotice: () => {} })
  const writer = new Writer(open, () => false)
  const failure = writer.transact('', async () => {}).catch((error: { code?: string }) => error.code)
  await accepted.promise
  writer.abandon()
  expect(await failure).toMatch(/^CONNECTION_/)
  silent.close()
})

/** What only a server with several connections can get wrong. */
function testConnections(): void {
  test('a statement after the connection was lost does not run alone on the next one', async () => {
    const [before, after] = [newId(), newId()]
    const work = async (tx: Transaction) => {
      const [backend] = await note.run(tx, { id: before })
      await rowsOf(db, sql`select pg_terminate_backend(${backend}::int, 5000)`)
      await note.run(tx, { id: after })
    }
    expect(await inTransaction(work).catch((error: { code?: string }) => error.code)).toMatch(/^(CONNECTION_CLOSED|57P01)$/)
    expect([await isKept(before), await isKept(after)]).toEqual([false, false])
    const next = newId()
    await inTransaction((tx) => note.run(tx, { id: next }))
    expect(await isKept(next)).toBe(true)
  })

  test('one lane that waits leaves connections to the others', async () => {
    const release = Promise.withResolvers<void>()
    const begun: Promise<unknown>[] = []
    const held = Array.from({ length: 20 }, () => {
      const isBegun = Promise.withResolvers<void>()
      begun.push(isBegun.promise)
      return transact('', 'a store that waits', async () => {
        isBegun.resolve()
        await release.promise
      })
    })
    await Promise.all(begun.slice(0, 4))
    expect(await transact('', 'another store', (tx) => note.run(tx, { id: newId() }))).toHaveLength(1)
    release.resolve()
    await Promise.all(held)
  })

  test('statements are prepared: PostgreSQL plans them once', async () => {
    const names = await inTransaction(async (tx) => {
      for (let time = 0; time < 3; time++) await note.run(tx, { id: newId() })
      return rowsOf<{ n: number }>(tx, sql`select count(*)::int as n from pg_prepared_statements where statement like '%insert into notes%'`)
    })
    expect(names).toEqual([{ n: 1 }])
  })

  test('after a BEGIN that failed nothing of its transaction runs alone', async () => {
    const [row] = await inTransaction(async (tx) => {
      const rows = await rowsOf<{ pid: number }>(tx, sql`select pg_backend_pid() as pid`)
      await tx.execute(sql.raw('deallocate all'))
      return rows
    }).catch(() => [])
    const id = newId()
    const work = async (tx: Transaction) => {
      await db.execute(sql`select pg_sleep(0.05)`)
      await note.run(tx, { id })
    }
    const failure = await inTransaction(work).catch((error: { code?: string }) => error.code)
    expect([row, failure]).toEqual([undefined, '26000'])
    expect(await isKept(id)).toBe(false)
    await db
      .execute(sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'zipzap' and pid <> pg_backend_pid()`)
      .catch(() => {})
  })
}

if (process.env.TEST_DATABASE_URL) describe('on connections of its own', testConnections)
