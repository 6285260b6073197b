import { expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { unheardOf } from './support/log'
import { RawClient } from './support/raw-client'
import { testServer } from './support/server'
import { nextTick } from './support/tick'
import { createDevice, createWorld, type World } from './support/world'

/** What the database holds and no news told of is found by comparison; its figures are in tests/metrics.test.ts. */

async function follow(world: World): Promise<RawClient> {
  const client = await RawClient.open((await testServer()).port)
  await client.authenticate({ userId: world.owner.id, token: world.owner.token, storeId: world.storeId })
  return client
}

const mislay = (world: World, text: string) => db.execute(sql.raw(unheardOf(world.storeId, text)))
const heard = (client: RawClient, text: string) => client.next((frame) => frame.data?.message === `${text}.3`)

test('an event that no news told of is found, in a store opened since the last comparison as well, and wherever one was found before', async () => {
  const [first, second] = [await createWorld(), await createWorld()]
  const early = await follow(first)
  await mislay(first, 'before')
  await heard(early, 'before')
  // By now the log has been compared with what is known.
  for (let tick = 0; tick < 2; tick++) await nextTick()
  const late = await follow(second)
  for (const text of ['after', 'and again']) {
    await mislay(second, text)
    await heard(late, text)
    await mislay(first, text)
    await heard(early, text)
  }
  const seqs = early.frames.filter((frame) => frame.stream === first.stream).map((frame) => frame.seq ?? 0)
  expect(seqs).toEqual(Array.from(seqs, (_, index) => (seqs[0] ?? 0) + index))
  expect(seqs).toHaveLength(9)
  for (const client of [early, late]) client.socket.close()
})

test('a session that ended without our hearing of it loses its socket', async () => {
  const world = await createWorld()
  const device = await createDevice(world)
  const client = await RawClient.open((await testServer()).port)
  await client.authenticate({ userId: device.id, token: device.token, storeId: world.storeId })
  await db.execute(sql`update sessions set ended_at = now() where user_id = ${device.id}`)
  expect(await client.closed).toBe(4401)
})
