import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { ApiClient, positionOf } from './support/api'
import { spawnServer } from './support/process'
import { RawClient } from './support/raw-client'

const script = resolve(import.meta.dir, '../scripts/move-to-postgres.ts')

/** Runs the command as an operator would; answers its exit status and what it printed. */
async function move(cwd: string, databaseUrl: string): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([process.execPath, '--no-env-file', 'run', script], {
    cwd,
    env: { PATH: process.env.PATH ?? '', DATABASE_URL: databaseUrl, LOG_LEVEL: 'silent' },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code: await child.exited, output: out + err }
}

// Needs a server to move to; `.ci/run` has one.
const databaseUrl = process.env.TEST_DATABASE_URL
if (databaseUrl) {
  describe('moving from the embedded database to PostgreSQL', () => {
    const name = `zipzap_move_${process.pid}`
    let cwd = ''
    let url = ''
    const administrate = async (statement: string) => {
      const admin = postgres(databaseUrl, { max: 1 })
      await admin.unsafe(statement)
      await admin.end()
    }
    beforeAll(async () => {
      cwd = mkdtempSync(join(tmpdir(), 'zipzap-move-'))
      await administrate(`create database ${name}`)
      const own = new URL(databaseUrl)
      own.pathname = `/${name}`
      url = own.href
    })
    afterAll(async () => {
      rmSync(cwd, { recursive: true, force: true })
      await administrate(`drop database ${name} with (force)`)
    })

    test('carries rows, sessions, keys and positions, so that a client goes on where it was; a second time it refuses', async () => {
      const before = await spawnServer(cwd)
      const { data: account } = await before.api.post('/auth/register', {
        email: 'olga@zipzap.test',
        password: 'correct horse battery',
        firstName: 'Ölga \\N \t"',
      })
      const owner = new ApiClient(before.api.server, account.token)
      const { data: store } = await owner.post('/stores', { name: 'Corner\nShop' })
      const { data: product } = await owner.post(`/stores/${store.id}/products`, { name: 'Ramen', price: 1290, stock: 5 })
      const order = { type: 'pickup', items: [{ productId: product.id, quantity: 2 }], note: 'no\\egg' }
      const key = { headers: { 'Idempotency-Key': 'the-first' } }
      const first = await owner.post(`/stores/${store.id}/orders`, order, key)
      const position = positionOf(first, `store:${store.id}`)
      const snapshot = await owner.get(`/stores/${store.id}/snapshot`)
      expect((await move(cwd, url)).output).toContain('in use by another ZipZap process')
      await before.end('SIGTERM')

      const { code, output } = await move(cwd, url)
      expect({ code, output }).toMatchObject({ code: 0, output: expect.stringMatching(/^orders +1$/m) })

      const after = await spawnServer(cwd, { DATABASE_URL: url })
      const again = new ApiClient(after.api.server, account.token)
      expect((await again.get(`/stores/${store.id}/snapshot`)).data).toEqual(snapshot.data)
      const replay = await again.post(`/stores/${store.id}/orders`, order, key)
      expect([replay.status, replay.headers.get('idempotent-replayed'), replay.data]).toEqual([201, 'true', first.data])
      const client = await RawClient.open(Number(new URL(after.base).port))
      const resume = { [`store:${store.id}`]: { epoch: position.epoch, seq: position.seq - 1 } }
      const answer = await client.authenticate({ userId: account.user.id, token: account.token, storeId: store.id, resume })
      expect(answer.streams[`store:${store.id}`]).toMatchObject({ ...position, resumed: true, replayed: 1 })
      const second = await again.post(`/stores/${store.id}/orders`, order)
      expect(second.data.orderNumber).toBe('1002')
      expect(positionOf(second, `store:${store.id}`).epoch).toBe(position.epoch)
      await after.end('SIGTERM')

      const refused = await move(cwd, url)
      expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('The target is not empty') })
    }, 120_000)
  })
}
