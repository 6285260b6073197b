import { beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { readEvents } from '~/db/events'
import { batchSize, removeExpiredEvents, removeExpiredKeys, removeExpiredRows } from '~/db/retention'
import { rowsOf } from '~/db/session'
import { createStream, readHead, storeStream } from '~/db/streams'
import { inTransaction } from '~/db/transaction'
import type { StreamName } from '~/utils/contracts/logged-event'
import { testServer } from './support/server'

beforeAll(async () => {
  await testServer()
  // Whatever other tests have let expire goes first, so that the counts below are of this file.
  await removeExpiredRows(1)
})

/** A stream whose events have these ages in hours, oldest number first. */
async function streamOfAges(ages: number[]): Promise<StreamName> {
  const stream = storeStream(Bun.randomUUIDv7())
  await inTransaction((tx) => createStream(tx, stream))
  await db.execute(sql`
    insert into events (stream, seq, id, type, data, at)
    select ${stream}, n, gen_random_uuid(), 'order_created', '{}'::json, now() - make_interval(mins => (age * 60)::int)
    from json_array_elements_text(${JSON.stringify(ages)}::json) with ordinality as a(text, n), lateral (select text::float8 as age) as b`)
  await db.execute(sql`update streams set last_seq = ${ages.length} where stream = ${stream}`)
  return stream
}

const seqsOf = async (stream: StreamName) => (await readEvents(stream, 0, 1_000_000, 10_000)).map((event) => event.seq)

describe('retention of the log', () => {
  test('removes what is older than promised and says up to where; the rest stays whole', async () => {
    const stream = await streamOfAges([10, 9, 8, 2, 1, 0])
    expect(await removeExpiredEvents(7)).toBe(3)
    expect(await seqsOf(stream)).toEqual([4, 5, 6])
    expect(await readHead(stream)).toMatchObject({ seq: 6, prunedSeq: 3 })
    expect(await removeExpiredEvents(7)).toBe(0)
  })

  test('never leaves a hole, even where a later number has an older time', async () => {
    const stream = await streamOfAges([10, 6.9, 8, 6.9, 1])
    await removeExpiredEvents(7)
    expect(await seqsOf(stream)).toEqual([4, 5])
    expect(await readHead(stream)).toMatchObject({ prunedSeq: 3 })
  })

  test('keeps what has only just reached its age: a transaction may have begun a while before it committed', async () => {
    const stream = await streamOfAges([7.0])
    expect(await removeExpiredEvents(7)).toBe(0)
    expect(await seqsOf(stream)).toEqual([1])
  })

  test('works in batches, each of which leaves every stream whole', async () => {
    const first = await streamOfAges(Array.from({ length: batchSize - 100 }, () => 20))
    const second = await streamOfAges([...Array.from({ length: 300 }, () => 19), 0])
    expect(await removeExpiredEvents(7)).toBe(batchSize)
    for (const stream of [first, second]) {
      const { prunedSeq, seq } = (await readHead(stream)) ?? { prunedSeq: -1, seq: -1 }
      expect(await seqsOf(stream)).toEqual(Array.from({ length: seq - prunedSeq }, (_, index) => prunedSeq + index + 1))
    }
    expect(await removeExpiredEvents(7)).toBe(200)
    expect(await seqsOf(first)).toEqual([])
    expect(await seqsOf(second)).toEqual([301])
    expect(await readHead(second)).toMatchObject({ seq: 301, prunedSeq: 300 })
  })

  test('an emptied stream keeps its counter: numbers are never given twice', async () => {
    const stream = await streamOfAges([30, 30])
    await removeExpiredRows(7)
    expect(await readHead(stream)).toMatchObject({ seq: 2, prunedSeq: 2 })
  })
})

test('idempotency keys go after 24 hours, younger ones stay', async () => {
  const userId = Bun.randomUUIDv7()
  for (const [key, hours] of Object.entries({ old: 25, young: 23 }))
    await db.execute(sql`insert into idempotency_keys (user_id, path, key, body_hash, created_at)
      values (${userId}, '/p', ${key}, 'h', now() - make_interval(hours => ${hours}))`)
  expect(await removeExpiredKeys()).toBe(1)
  const left = await rowsOf<{ key: string }>(db, sql`select key from idempotency_keys where user_id = ${userId}`)
  expect(left).toEqual([{ key: 'young' }])
})
