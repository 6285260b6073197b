import { beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { renewEpochs, renewEpochsAfterRestore } from '~/db/epochs'
import { logOrigin } from '~/db/schema'
import { positionOf } from './support/api'
import { RawClient } from './support/raw-client'
import { testServer } from './support/server'
import { nextTick } from './support/tick'
import { createWorld, type World } from './support/world'

let world: World
beforeAll(async () => {
  world = await createWorld()
}, 60_000)

const positionIn = async () => positionOf(await world.owner.api.get(`${world.path}/products`), world.stream)

async function openSocket(resume: object): Promise<{ client: RawClient; answer: { streams: Record<string, unknown> } }> {
  const client = await RawClient.open((await testServer()).port)
  const answer = await client.authenticate({ userId: world.owner.id, token: world.owner.token, storeId: world.storeId, resume })
  return { client, answer: answer as unknown as { streams: Record<string, unknown> } }
}

test('another database under the same log gives every stream a new epoch: open sockets end, and a position is refused', async () => {
  const before = await positionIn()
  const { client } = await openSocket({})
  await db.update(logOrigin).set({ origin: 'the cluster before the failover' })
  expect(await client.closed).toBe(1012)
  const after = await positionIn()
  expect(after.seq).toBe(before.seq)
  expect(after.epoch).not.toBe(before.epoch)
  const { client: again, answer } = await openSocket({ [world.stream]: before })
  expect(answer.streams[world.stream]).toMatchObject({ ...after, resumed: false, reason: 'epoch_changed' })
  again.socket.close()
  expect((await world.owner.api.get(`${world.path}/events?epoch=${before.epoch}`)).status).toBe(410)
})

test('the same database keeps its epochs', async () => {
  const before = await positionIn()
  expect(await renewEpochsAfterRestore()).toBe(false)
  expect(await positionIn()).toEqual(before)
})

test('epochs renewed by hand differ from stream to stream, and from those before', async () => {
  const before = await positionIn()
  const count = await renewEpochs()
  expect((await positionIn()).epoch).not.toBe(before.epoch)
  const { rows } = (await db.execute(sql`select count(distinct epoch)::int as epochs from streams`)) as unknown as { rows?: { epochs: number }[] }
  if (rows) expect(rows[0]?.epochs).toBe(count)
})

test('a log that lost what it told of within this very second is noticed, though its origin and its epoch are the same', async () => {
  const { client } = await openSocket({})
  // By now the log has been compared with what is known.
  for (let tick = 0; tick < 2; tick++) await nextTick()
  expect((await world.owner.api.post(`${world.path}/notifications`, { message: 'Lost', level: 'info' })).status).toBe(201)
  await client.next((frame) => frame.type === 'general_notification' && frame.data.message === 'Lost')
  await db.execute(sql`with lost as (update streams set last_seq = last_seq - 1 where stream = ${world.stream} returning last_seq)
    delete from events using lost where stream = ${world.stream} and seq > lost.last_seq`)
  expect(await client.closed).toBe(1012)
})
