import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { ApiClient, positionOf } from './support/api'
import { type ServerProcess, spawnServer, spawnToEnd } from './support/process'
import { startProxy } from './support/proxy'

let cwd = ''
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'zipzap-process-'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const password = 'correct horse battery'

async function registerOwner(server: ServerProcess, email: string): Promise<{ owner: ApiClient; storeId: string }> {
  const { data } = await server.api.post('/auth/register', { email, password, firstName: 'Olga' })
  const owner = new ApiClient(server.api.server, data.token)
  const store = await owner.post('/stores', { name: 'Corner' })
  return { owner, storeId: store.data.id }
}

describe('a wrong configuration', () => {
  test('stops the start with one clear line per mistake', async () => {
    const { code, output } = await spawnToEnd(cwd, {
      PORT: 'eighty',
      LOG_LEVEL: 'chatty',
      DATABASE_URL: 'mysql://x',
      CORS_ORIGINS: 'https://app.example.com/',
      WS_ENCRYPTION_KEY: 'short',
    })
    expect(code).toBe(1)
    const lines = output.trim().split('\n')
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual(['CORS_ORIGINS', 'DATABASE_URL', 'LOG_LEVEL', 'PORT', 'WS_ENCRYPTION_KEY'])
    expect(lines.find((line) => line.startsWith('PORT'))).toBe('PORT must be a whole number from 0 to 65535')
  })

  test('that only the combination makes wrong is named as well', async () => {
    const { code, output } = await spawnToEnd(cwd, { WORKERS: '4' })
    expect(code).toBe(1)
    expect(output.trim()).toBe('WORKERS above 1 needs DATABASE_URL: the embedded database serves one process')
  })
})

describe('on the embedded default', () => {
  let running: ServerProcess
  beforeAll(async () => {
    running = await spawnServer(cwd)
  }, 30_000)
  afterAll(() => running.end('SIGKILL'))

  test('a second process on the same data is refused in one line, and the first serves on', async () => {
    const second = await spawnToEnd(cwd, {})
    expect(second.code).toBe(1)
    expect(second.output.trim().split('\n')).toHaveLength(1)
    expect(second.output).toContain(`${join(cwd, '.data')} is in use by another ZipZap process`)
    expect((await running.api.get('/health/ready')).status).toBe(200)
  })

  test('a second process on the same port is refused in one line', async () => {
    const { code, output } = await spawnToEnd(cwd, { PORT: new URL(running.base).port, DATA_DIR: 'memory://' })
    expect(code).toBe(1)
    expect(output.trim()).toContain('port')
    expect(output.trim().split('\n')).toHaveLength(1)
  }, 30_000)

  test('what was answered survives kill -9: accounts, rows, and the position in the log', async () => {
    const { owner, storeId } = await registerOwner(running, 'olga@zipzap.test')
    const path = `/stores/${storeId}/categories`
    const answers = await Promise.all(['Soups', 'Mains', 'Sweets'].map((name) => owner.post(path, { name })))
    const stream = `store:${storeId}`
    const before = answers.map((answer) => positionOf(answer, stream)).sort((a, b) => a.seq - b.seq)
    await running.end('SIGKILL')

    running = await spawnServer(cwd)
    const login = await running.api.post('/auth/login', { email: 'olga@zipzap.test', password })
    expect(login.status).toBe(200)
    const again = new ApiClient(running.api.server, owner.token)
    const list = await again.get(path)
    expect(list.data.map((category: { name: string }) => category.name).sort()).toEqual(['Mains', 'Soups', 'Sweets'])
    expect(positionOf(list, stream)).toEqual(before[2] ?? { epoch: '', seq: 0 })
    const next = await again.post(path, { name: 'Drinks' })
    expect(positionOf(next, stream)).toEqual({ epoch: before[2]?.epoch ?? '', seq: (before[2]?.seq ?? 0) + 1 })
  }, 30_000)

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends the process with status 0, and the next start finds everything',
    async (signal) => {
      const { owner, storeId } = await registerOwner(running, `${signal.toLowerCase()}@zipzap.test`)
      expect(await running.end(signal)).toBe(0)
      running = await spawnServer(cwd)
      const again = new ApiClient(running.api.server, owner.token)
      expect((await again.get(`/stores/${storeId}`)).status).toBe(200)
    },
    30_000,
  )
})

// Needs a server that several processes can reach; `.ci/run` has one.
const databaseUrl = process.env.TEST_DATABASE_URL
if (databaseUrl) {
  describe('on PostgreSQL', () => {
    const name = `zipzap_process_${process.pid}`
    let url = ''
    beforeAll(async () => {
      const admin = postgres(databaseUrl, { max: 1 })
      await admin.unsafe(`create database ${name}`)
      await admin.end()
      const own = new URL(databaseUrl)
      own.pathname = `/${name}`
      url = own.href
    })
    afterAll(async () => {
      const admin = postgres(databaseUrl, { max: 1 })
      await admin.unsafe(`drop database ${name} with (force)`)
      await admin.end()
    })

    test('two instances that start at once on an empty database both come up, and see the same rows', async () => {
      const [first, second] = await Promise.all([spawnServer(cwd, { DATABASE_URL: url }), spawnServer(cwd, { DATABASE_URL: url })])
      const { owner, storeId } = await registerOwner(first, 'two@zipzap.test')
      const elsewhere = new ApiClient(second.api.server, owner.token)
      expect((await elsewhere.get(`/stores/${storeId}`)).status).toBe(200)
      expect(await Promise.all([first.end('SIGTERM'), second.end('SIGTERM')])).toEqual([0, 0])
    }, 30_000)

    test('without its database an instance answers quickly that it is not ready, and is ready again when it is back', async () => {
      const proxy = await startProxy(new URL(url))
      const server = await spawnServer(cwd, { DATABASE_URL: proxy.url })
      for (const cut of [proxy.refuse, proxy.freeze]) {
        cut()
        const startedAt = performance.now()
        const [ready, health, live] = await Promise.all(['/health/ready', '/health', '/health/live'].map((path) => server.api.get(path)))
        expect(performance.now() - startedAt).toBeLessThan(2500)
        expect([ready?.status, health?.status, live?.status]).toEqual([503, 503, 200])
        expect(health?.data).toMatchObject({ status: 'unavailable', parts: { database: { status: 'unavailable' } } })
        expect(JSON.stringify(health?.body)).not.toMatch(/ECONN|127\.0\.0\.1|postgres/)
        const write = await server.api.post('/auth/login', { email: 'two@zipzap.test', password })
        expect([write.status, write.code]).toEqual([503, 'unavailable'])
        proxy.restore()
        const deadline = performance.now() + 15_000
        while ((await server.api.get('/health/ready')).status !== 200) expect(performance.now()).toBeLessThan(deadline)
      }
      await server.end('SIGTERM')
      await proxy.stop()
    }, 60_000)
  })
}
