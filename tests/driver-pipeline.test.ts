import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import postgres from 'postgres'

/**
 * Statements that go ahead (`sync: false`, patches/postgres@3.4.9.patch): the server answers them with the next one that
 * brings a Sync, and when one fails it passes over what comes before that Sync
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING).
 */

const ahead = { prepare: true, simple: false, sync: false }
const plain = { prepare: true, simple: false }
const options = { max: 1, backoff: () => 0.05, onnotice: () => {}, fetch_types: false }
const codeOf = (statement: Promise<unknown>) => statement.then(() => 'done').catch((error: { code: string }) => error.code)
const insert = 'insert into pieces (id, note) values ($1, $2) returning id'
const count = 'select count(*)::int as n from pieces where id = any(string_to_array($1, $2)::int[])'

function testPipelines(url: string): void {
  let sql: postgres.Sql
  let line: postgres.ReservedSql
  let lastId = 0
  const newId = () => String(++lastId)

  beforeAll(async () => {
    sql = postgres(url, options)
    await sql.unsafe('create table if not exists pieces (id int primary key, note text)')
    await sql.unsafe('truncate pieces')
    line = await sql.reserve()
    // From here on they are prepared, and so can go ahead.
    for (const text of ['begin', 'commit']) await line.unsafe(text, [], plain)
    await line.unsafe(insert, [newId(), null], plain)
    await line.unsafe(count, ['1', ','], plain)
  })

  afterAll(async () => {
    line.release()
    await sql.unsafe('drop table pieces')
    await sql.end({ timeout: 5 })
  })

  const isKept = async (...ids: string[]) => (await line.unsafe(count, [ids.join(), ','], plain))[0]?.n === ids.length

  test('each gets its own answer, in order', async () => {
    const ids = [newId(), newId(), newId()] as const
    const begun = line.unsafe('begin', [], ahead).execute()
    const inserted = ids.map((id) => line.unsafe(insert, [id, `é${id}`], ahead).execute())
    const counted = line.unsafe(count, [ids.join(), ','], ahead).values().execute()
    const committed = line.unsafe('commit', [], plain)
    expect((await committed).command).toBe('COMMIT')
    expect((await begun).command).toBe('BEGIN')
    for (const [index, rows] of (await Promise.all(inserted)).entries()) {
      expect(rows.map((row) => row.id)).toEqual([Number(ids[index])])
      expect([rows.command, rows.count, rows.columns.length]).toEqual(['INSERT', 1, 1])
    }
    expect([...(await counted)]).toEqual([[3]])
    expect(await isKept(...ids)).toBe(true)
  })

  test('a fault fails what went behind it, up to the Sync and no further', async () => {
    const [taken, other] = [newId(), newId()]
    await line.unsafe(insert, [taken, null], plain)
    const codes = [
      codeOf(line.unsafe('begin', [], ahead)),
      codeOf(line.unsafe(insert, [taken, null], ahead)),
      codeOf(line.unsafe(insert, [other, null], ahead)),
      codeOf(line.unsafe('commit', [], plain)),
      codeOf(line.unsafe('rollback')),
      codeOf(line.unsafe(insert, [newId(), null], ahead)),
      codeOf(line.unsafe(insert, [newId(), null], plain)),
    ]
    expect(await Promise.all(codes)).toEqual(['done', '23505', '23505', '23505', 'done', 'done', 'done'])
    expect(await isKept(other)).toBe(false)
  })

  const enders: [string, () => Promise<unknown>][] = [
    ['a statement that is not prepared yet', () => line.unsafe(`select ${Date.now()} + $1::int`, ['1'], plain)],
    ['a statement that is never prepared', () => line.unsafe('select $1::text', ['x'])],
    ['one of the simple protocol', () => line.unsafe('select 1')],
    ['one that is told no parameters', () => line.unsafe(`select ${lastId}`, [], plain)],
  ]
  for (const [what, end] of enders) {
    test(`a fault before ${what} leaves the connection usable`, async () => {
      const codes = [codeOf(line.unsafe(insert, ['1', null], ahead)), codeOf(end())]
      expect(await Promise.all(codes)).toEqual(['23505', '23505'])
      expect(await codeOf(end())).toBe('done')
      expect(await isKept('1')).toBe(true)
    })
  }

  test('a fault that is told before anything brought a Sync is the end of its group', async () => {
    expect(await codeOf(line.unsafe(insert, ['1', null], ahead))).toBe('23505')
    expect(await isKept('1')).toBe(true)
  })

  test('nothing waits for ever behind a statement that is being prepared', async () => {
    const fresh = await codeless(line, `insert into pieces (id, note) values ($1, 'fresh') returning note`)
    expect(fresh).toEqual(['BEGIN', 'INSERT', 'INSERT', 'COMMIT', 'INSERT'])
  })

  /** What is sent while the driver holds back, since the first statement is only being described. */
  async function codeless(on: postgres.ReservedSql, text: string) {
    const sent = [
      on.unsafe('begin', [], ahead).execute(),
      on.unsafe(text, [newId()], ahead).execute(),
      on.unsafe(insert, [newId(), null], ahead).execute(),
      on.unsafe('commit', [], plain).execute(),
      on.unsafe(insert, [newId(), null], plain).execute(),
    ]
    return (await Promise.all(sent)).map((rows) => rows.command)
  }

  test('a connection that is lost fails all of them', async () => {
    const lonely = postgres(url, options)
    await lonely`select 1`
    const own = await lonely.reserve()
    await own.unsafe('begin', [], plain)
    await own.unsafe(insert, [newId(), null], plain)
    const [row] = await own.unsafe('select pg_backend_pid() as pid')
    const id = newId()
    const codes = [codeOf(own.unsafe(insert, [id, null], ahead)), codeOf(own.unsafe('select pg_sleep(60)'))]
    await line.unsafe('select pg_terminate_backend($1::int, 5000)', [row?.pid])
    const [inserted, slept] = await Promise.all(codes)
    expect(inserted).toMatch(/^(done|57P01|CONNECTION_CLOSED)$/)
    expect(slept).toMatch(/^(57P01|CONNECTION_CLOSED)$/)
    expect(await isKept(id)).toBe(false)
    await lonely.end({ timeout: 0 })
  })

  test('answers may come in pieces of any size', async () => {
    let count = 0
    const pieces = driverOver(url, (socket) => cutUp(socket, () => count++))
    await pieces`select 1`
    const own = await pieces.reserve()
    const text = 'x'.repeat(70_000)
    for (let time = 0; time < 3; time++) {
      const ids = [newId(), newId()]
      const sent = [
        own.unsafe('begin', [], ahead).execute(),
        ...ids.map((id) => own.unsafe(insert, [id, `${text}ü`], ahead).execute()),
        own.unsafe('select id, note from pieces where id = any(string_to_array($1, $2)::int[]) order by id', [ids.join(), ','], ahead).execute(),
        own.unsafe('commit', [], plain).execute(),
      ] as const
      const [, , , read] = await Promise.all(sent)
      expect(read?.map(({ id, note }) => [id, note])).toEqual(ids.map((id) => [Number(id), `${text}ü`]))
    }
    expect(count).toBeGreaterThan(100)
    own.release()
    await pieces.end({ timeout: 5 })
  })

  test('a socket that is full holds nothing back that the server waits for', async () => {
    const full = driverOver(url, (socket) => {
      const { write } = socket
      Object.assign(socket, { write: (...given: unknown[]) => Reflect.apply(write, socket, given) && false })
    })
    await full`select 1`
    const own = await full.reserve()
    const text = 'x'.repeat(70_000)
    for (let time = 0; time < 3; time++) {
      const id = newId()
      const sent = [
        own.unsafe('begin', [], ahead).execute(),
        own.unsafe(insert, [id, text], ahead).execute(),
        own.unsafe('commit', [], plain).execute(),
      ]
      expect((await Promise.all(sent)).map((rows) => rows.command)).toEqual(['BEGIN', 'INSERT', 'COMMIT'])
      expect(await isKept(id)).toBe(true)
    }
    own.release()
    await full.end({ timeout: 5 })
  })

  test('what a socket has not sent yet is not written over by what follows', async () => {
    const slow = driverOver(url, (socket) => {
      const { write } = socket
      const writeLate = (...given: unknown[]) => {
        socket.cork()
        setTimeout(() => socket.uncork(), 5)
        return Reflect.apply(write, socket, given)
      }
      Object.assign(socket, { write: writeLate })
    })
    await slow`select 1`
    const own = await slow.reserve()
    await own.unsafe(insert, [newId(), null], plain)
    const notes = ['a', 'b', 'c'].map((letter) => letter.repeat(600))
    const ids = notes.map(newId)
    const sent: Promise<postgres.RowList<postgres.Row[]>>[] = []
    for (const [index, note] of notes.entries()) {
      sent.push(own.unsafe(insert, [ids[index] ?? '', note], index < 2 ? ahead : plain).execute())
      // The driver writes in the next turn.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    }
    await Promise.all(sent)
    const read = await own.unsafe('select note from pieces where id = any(string_to_array($1, $2)::int[]) order by id', [ids.join(), ','])
    expect(read.map(({ note }) => note)).toEqual(notes)
    own.release()
    await slow.end({ timeout: 5 })
  })

  test('a statement that cannot be sent fails alone', async () => {
    const wrong = {
      toString: () => {
        throw new Error('no text')
      },
    }
    const ids = [newId(), newId()] as const
    const codes = [
      codeOf(line.unsafe(insert, [ids[0], null], ahead)),
      line
        .unsafe(insert, [wrong as unknown as string, null], ahead)
        .then(() => 'done')
        .catch((error: Error) => error.message),
      codeOf(line.unsafe(insert, [ids[1], null], plain)),
    ]
    expect(await Promise.all(codes)).toEqual(['done', 'no text', 'done'])
    expect(await isKept(...ids)).toBe(true)
  })
}

/** A driver whose sockets are changed before it has them. */
function driverOver(url: string, change: (socket: Socket) => void): postgres.Sql {
  const { hostname, port } = new URL(url)
  const open = () =>
    new Promise<Socket>((opened, failed) => {
      const socket = connect(Number(port), hostname)
      change(socket)
      socket.once('error', failed)
      socket.once('connect', () => opened(socket))
    })
  // Missing from the driver's types, not from its documentation.
  return postgres(url, Object.assign({ socket: open }, options))
}

/** What came is handed over in small, uneven pieces. */
function cutUp(socket: Socket, onPiece: () => void): void {
  const emit = socket.emit.bind(socket)
  let size = 0
  socket.emit = (name: string | symbol, ...told: unknown[]) => {
    const [bytes] = told
    if (name !== 'data' || !Buffer.isBuffer(bytes)) return emit(name, ...told)
    for (let at = 0; at < bytes.length; at += size) {
      size = (size % 977) + 1
      onPiece()
      emit('data', bytes.subarray(at, at + size))
    }
    return true
  }
}

const { TEST_DATABASE_URL } = process.env
if (TEST_DATABASE_URL) describe('statements that go ahead', () => testPipelines(TEST_DATABASE_URL))
