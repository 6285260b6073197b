import { heapStats } from 'bun:jsc'
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { PGlite } from '@electric-sql/pglite'
import { EmbeddedConnection } from '~/db/embedded-connection'
import { sqlState } from '~/utils/sql-state'

let client: PGlite
let connection: EmbeddedConnection

beforeAll(async () => {
  client = await PGlite.create('memory://')
  connection = new EmbeddedConnection(client)
  connection.command('create table pots (id int primary key, label text, made timestamptz, extra jsonb, sizes int[])')
})

afterAll(() => client.close())

const stateOf = (work: () => unknown): string | undefined => {
  try {
    work()
  } catch (error) {
    return sqlState(error).code
  }
}

test('rows come decoded by their types, and times as text', () => {
  const insert = 'insert into pots values ($1, $2, $3, $4, $5)'
  expect(connection.rows(insert, [1, 'tea', '2026-01-02T03:04:05Z', { hot: true }, [1, 2]])).toEqual([])
  expect(connection.rows(insert, [2, null, null, null, undefined])).toEqual([])
  const [first, second] = connection.rows('select id, label, made, extra, sizes from pots order by id', [])
  expect(first).toEqual([1, 'tea', '2026-01-02 03:04:05+00', { hot: true }, [1, 2]])
  expect(second).toEqual([2, null, null, null, null])
  expect(connection.objects('select id, label from pots where id = $1', [1])).toEqual([{ id: 1, label: 'tea' }])
})

test('a statement is parsed once, and its later calls take their own parameters', () => {
  const text = 'select $1::int + 1, (select count(*)::int from pg_prepared_statements where statement = $2)'
  expect(connection.rows(text, [1, text])).toEqual([[2, 1]])
  expect(connection.rows(text, [41, text])).toEqual([[42, 1]])
})

test('after an error the connection answers the next statement', () => {
  const duplicate = () => connection.rows('insert into pots (id) values ($1)', [1])
  expect(stateOf(duplicate)).toBe('23505')
  expect(stateOf(() => connection.rows('select nothing from nowhere', []))).toBe('42P01')
  expect(stateOf(() => connection.rows('select $1::int', ['many']))).toBe('22P02')
  expect(connection.rows('select 1', [])).toEqual([[1]])
})

test('an aborted transaction takes no more statements, and its commit says that it was rolled back', () => {
  connection.command('begin')
  connection.rows('insert into pots (id) values ($1)', [3])
  expect(stateOf(() => connection.rows('insert into pots (id) values ($1)', [3]))).toBe('23505')
  expect(stateOf(() => connection.rows('select 1', []))).toBe('25P02')
  expect(connection.command('commit')).toBe('ROLLBACK')
  expect(connection.rows('select id from pots where id = 3', [])).toEqual([])
})

test('a plan made for a small table gives way when the table has grown', () => {
  connection.command('create table crumbs (id int primary key, label text)')
  connection.command("insert into crumbs values (0, 'first')")
  connection.command('vacuum analyze crumbs')
  const find = () => {
    connection.tend()
    return connection.rows('select label from crumbs where id = $1', [0])
  }
  for (let call = 0; call < 10; call++) find()
  const scans = () => {
    connection.command('select pg_stat_force_next_flush()')
    const [row] = connection.objects("select seq_scan, idx_scan from pg_stat_user_tables where relname = 'crumbs'", [])
    return row
  }
  expect(Number(scans()?.idx_scan)).toBe(0)
  connection.command("insert into crumbs select n, 'more' from generate_series(1, 5000) n")
  for (let call = 0; call < 600; call++) expect(find()).toEqual([['first']])
  expect(Number(scans()?.idx_scan)).toBeGreaterThan(0)
})

test('more texts than are kept prepared are answered all the same', () => {
  for (let number = 0; number < 250; number++) expect(connection.rows(`select ${number} + $1::int`, [1])).toEqual([[number + 1]])
  const [[prepared] = []] = connection.rows('select count(*)::int from pg_prepared_statements', [])
  expect(prepared).toBe(200)
})

test('parameters and rows of several megabytes pass whole', () => {
  const large = 'ä'.repeat(2_000_000)
  const [[length, back] = []] = connection.rows('select length($1::text), $1::text', [large])
  expect(length).toBe(2_000_000)
  expect(back).toBe(large)
  expect(connection.rows('select count(*)::int from generate_series(1, $1)', [100_000])).toEqual([[100_000]])
  expect(connection.rows('select * from generate_series(1, $1)', [100_000])).toHaveLength(100_000)
})

test('what was read is not kept', () => {
  const read = () => connection.rows("select n, repeat('x', 200) from generate_series(1, 2000) n", [])
  const heapAfter = (times: number) => {
    for (let time = 0; time < times; time++) read()
    Bun.gc(true)
    return heapStats().objectCount
  }
  const before = heapAfter(10)
  expect(heapAfter(30) - before).toBeLessThan(30_000)
})
