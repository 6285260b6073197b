import { describe, expect, test } from 'bun:test'
import { connect, createServer, type Socket } from 'node:net'
import postgres from 'postgres'
import { startProxy } from './support/proxy'

/** What patches/postgres@3.4.9.patch mends in the driver: without it a connection that was lost at a bad moment stays bad. */

const options = { max: 1, backoff: () => 0.05, onnotice: () => {} }
const codeOf = (statement: Promise<unknown>) => statement.then(() => 'done').catch((error: { code: string }) => error.code)

test('a server that ends the connection before it has greeted is a refusal, not a wait without end', async () => {
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    socket.on('error', () => {})
    socket.on('data', () => socket.end())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const sql = postgres(`postgres://zipzap@127.0.0.1:${port}/none`, options)
  expect(await codeOf(sql`select 1`)).toBe('CONNECTION_CLOSED')
  expect(connections).toBe(1)
  await sql.end({ timeout: 0 })
  server.close()
})

/** With a driver that opens its sockets through here, so that they can be ended at a chosen moment. */
function openDriver(url: URL) {
  const sockets: Socket[] = []
  const open = () =>
    new Promise<Socket>((opened, failed) => {
      const socket = connect(Number(url.port), url.hostname)
      socket.once('error', failed)
      socket.once('connect', () => {
        sockets.push(socket)
        opened(socket)
      })
    })
  // Missing from the driver's types, not from its documentation.
  const sql = postgres(url.href, Object.assign({ socket: open, connect_timeout: 30 }, options))
  return { sql, sockets }
}

function testLostConnections(url: URL): void {
  test('a statement that was given to a connection just going fails, and the next one runs', async () => {
    const { sql, sockets } = openDriver(url)
    await sql`select 1`
    sockets.at(-1)?.destroy()
    expect(await codeOf(sql`select 2`)).toBe('CONNECTION_CLOSED')
    expect(await codeOf(sql`select 3`)).toBe('done')
    await sql.end({ timeout: 0 })
  })

  test('a statement after one whose backend was killed does not fail for that', async () => {
    const killer = postgres(url.href, options)
    const { sql } = openDriver(url)
    const [row] = await sql`select pg_backend_pid() as pid`
    const killed = codeOf(sql`select pg_sleep(60)`)
    await killer`select pg_terminate_backend(${row?.pid}::int, 5000)`
    expect(await killed).toMatch(/^(57P01|CONNECTION_CLOSED)$/)
    expect(await codeOf(sql`select 1`)).toBe('done')
    await Promise.all([sql.end({ timeout: 0 }), killer.end({ timeout: 0 })])
  })

  test('a proxy that refuses for a while fails every statement at once, and none once it lets through again', async () => {
    const proxy = await startProxy(url)
    const sql = postgres(proxy.url, options)
    await sql`select 1`
    proxy.refuse()
    for (let time = 0; time < 5; time++) expect(await codeOf(sql`select 1`)).toMatch(/^(CONNECTION_CLOSED|ECONN\w+|EPIPE)$/)
    proxy.restore()
    expect(await codeOf(sql`select 1`)).toBe('done')
    await sql.end({ timeout: 0 })
    await proxy.stop()
  })
}

const url = process.env.TEST_DATABASE_URL
if (url) describe('a lost connection', () => testLostConnections(new URL(url)))
