import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startPostgres, type ThrowawayPostgres } from '~/scripts/postgres'
import { ApiClient } from '../support/api'
import { portOf, type ServerProcess, spawnServer } from '../support/process'
import { RawClient } from '../support/raw-client'
import { Scrape } from '../support/scrape'

/** Two workers on one port: whichever is asked answers for both. */

let database: ThrowawayPostgres
let server: ServerProcess
let directory: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'zipzap-workers-'))
  database = await startPostgres()
  server = await spawnServer(directory, { DATABASE_URL: database.url, WORKERS: '2', PORT: String(await freePort()) })
  await server.printed((output) => output.includes('all workers are ready') || undefined)
}, 60_000)

afterAll(async () => {
  await database.stop()
  rmSync(directory, { recursive: true, force: true })
})

test('statistics and metrics are those of both, an event reaches the sockets of both, and an orderly end is one', async () => {
  const { data: owner } = await server.api.post('/auth/register', { email: 'olga@zipzap.test', password: 'correct horse battery', firstName: 'Olga' })
  const api = new ApiClient(server.api.server, owner.token)
  const storeId: string = (await api.post('/stores', { name: 'Corner' })).data.id
  const clients = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const client = await RawClient.open(portOf(server), owner.token)
      await client.authenticate({ userId: owner.user.id, storeId })
      return client
    }),
  )
  expect((await api.get('/websocket/stats')).data).toMatchObject({ totalConnections: 12, activeConnections: 12 })
  const scrape = await Scrape.of(server.base)
  expect(scrape.value('zipzap_ws_connections', { state: 'authenticated' })).toBe(12)
  expect(scrape.samples.filter(({ name }) => name === 'nodejs_eventloop_lag_max_seconds')).toHaveLength(1)
  await api.post(`/stores/${storeId}/notifications`, { message: 'To both', level: 'info' })
  for (const client of clients) await client.next((frame) => frame.type === 'general_notification' && frame.data.message === 'To both')
  for (const client of clients) client.socket.close()
  expect(await server.end('SIGTERM')).toBe(0)
})
