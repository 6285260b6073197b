import { beforeAll, describe, expect, test } from 'bun:test'
import { controlledServer } from './support/controlled'
import { type Cast, ModelRun, registerCast, type Step } from './support/hub-model'
import { RawClient } from './support/raw-client'

/**
 * Histories that once went wrong, and interleavings that only a database that is held at the right moment shows. The
 * judge of the random histories judges these as well.
 */

let cast: Cast
beforeAll(async () => {
  cast = await registerCast(await controlledServer())
}, 60_000)

async function replay(steps: Step[]): Promise<string[]> {
  const run = await ModelRun.begin(cast)
  for (const step of steps) await run.perform(step)
  return run.finish()
}

const connect = (who: number, store = 0): Step => ({ do: 'connect', who, store, filter: null, recall: 'memory', waits: true })
const write = (what: (Step & { do: 'write' })['what'], waits: boolean): Step => ({ do: 'write', store: 0, what, times: 10, waits })

const histories: [string, Step[]][] = [
  [
    'a removal does not cost the place in one’s own stream',
    [connect(1), { do: 'cut', who: 1 }, { do: 'role', who: 0, store: 0, role: null }, { do: 'role', who: 0, store: 0, role: 'staff' }, connect(1)],
  ],
  [
    'a log that was replaced while nobody listened is told of at the first word',
    [connect(0), { do: 'cut', who: 0 }, { do: 'epoch', store: 0 }, connect(0), write('category', true)],
  ],
]

/** Clients that were there once, and missed something of which the server remembers nothing: it must read the log. */
async function returning(): Promise<ModelRun> {
  const run = await ModelRun.begin(await registerCast(cast.server))
  const heads = await cast.server.sql<{ stream: string; epoch: string; seq: number }>('select stream, epoch, last_seq::float8 as seq from streams')
  for (const client of run.clients) {
    const own = [`user:${client.userId}`, `store:${run.store(0).id}`]
    for (const { stream, epoch, seq } of heads) if (own.includes(stream)) client.positions.set(stream, { epoch, seq })
  }
  await run.perform(write('profile', true))
  await run.perform(write('category', true))
  return run
}

test.each(histories)('%s', async (_, steps) => {
  expect(await replay(steps)).toEqual([])
})

test('pruned in the middle of a replay', async () => {
  const run = await returning()
  await run.perform({ ...connect(0), waits: false } as Step)
  await run.perform({ do: 'prune', store: 0, share: 0.8 })
  expect(await run.finish()).toEqual([])
})

/**
 * Holds the log's tables to stop the hub between two questions. PostgreSQL would see deadlocks with readers that lock them
 * in another order; the interleavings are the hub's own, so the embedded database, which has one connection, shows them all.
 */
const whileHeld = process.env.TEST_DATABASE_URL ? () => {} : describe

whileHeld('while the database keeps them waiting', () => {
  type Stage = (run: ModelRun) => unknown

  /** `begin` asks something of the server; between its questions to the database, one after another, come the stages. */
  async function betweenQuestions(run: ModelRun, begin: Stage, stages: Stage[]): Promise<void> {
    const { server } = cast
    let hold = server.hold()
    await hold.isHeld
    try {
      await begin(run)
      for (const stage of stages) {
        await server.heard()
        const next = server.hold()
        await hold.release()
        await next.isHeld
        hold = next
        await stage(run)
      }
      await server.heard()
    } finally {
      await hold.release()
    }
  }

  /** An event of which the hub has not heard: whoever comes makes it read the log. */
  function logSilently(run: ModelRun) {
    const id = Bun.randomUUIDv7()
    const data = JSON.stringify({ message: 'Nobody was told', level: 'info', notificationId: id })
    return cast.server.sql(`with head as (update streams set last_seq = last_seq + 1 where stream = 'store:${run.store(0).id}' returning stream, last_seq)
      insert into events (stream, seq, id, type, data, store_id, subject_id)
      select stream, last_seq, '${id}', 'general_notification', '${data}', '${run.store(0).id}', null from head`)
  }

  /** The server remembers the owner's rights, and nobody else's: his next write begins with its transaction. */
  async function warmUp(run: ModelRun): Promise<void> {
    await run.perform({ do: 'role', who: 1, store: 1, role: 'manager' })
    await run.api().get(run.store(0).path)
  }

  const pass: Stage = () => {}

  test('no sync names a place before the client was told that it is lost', async () => {
    const run = await returning()
    const client = run.client(1)
    await run.perform({ do: 'epoch', store: 0 })
    const beat = async () => expect(await client.until(() => client.pings > 1, 5_000)).toBe(true)
    await betweenQuestions(run, () => client.connect({ storeId: run.store(0).id }), [pass, beat])
    expect(await run.finish()).toEqual([])
  })

  test('authenticating again where one stands sends nothing twice', async () => {
    const run = await ModelRun.begin(cast)
    await run.perform(connect(2))
    // Remembered, so that the writes below begin with their transactions.
    await Promise.all(cast.people.map((person) => run.api(person).get('/users/profile')))
    const again = () => run.client(2).authenticate({ storeId: run.store(0).id })
    const writeAndAgain = async () => {
      await run.perform(write('profile', false))
      await cast.server.heard()
      again()
    }
    await betweenQuestions(run, writeAndAgain, [])
    expect(await run.finish()).toEqual([])
  })

  test('a role that changes while one authenticates again is the one that counts', async () => {
    const run = await ModelRun.begin(cast)
    await run.perform({ do: 'role', who: 0, store: 0, role: 'manager' })
    await run.perform(connect(1))
    await warmUp(run)
    await logSilently(run)
    const demoted = Promise.withResolvers<void>()
    const demote = () => void run.perform({ do: 'role', who: 0, store: 0, role: 'kitchen' }).then(demoted.resolve, demoted.reject)
    await betweenQuestions(run, () => run.client(1).authenticate({ storeId: run.store(0).id, recall: 'nothing' }), [demote, pass])
    await demoted.promise
    await run.perform(write('customer', true))
    expect(await run.finish()).toEqual([])
  })

  test('who is removed while he authenticates is refused, and follows nothing that he was not told of', async () => {
    const run = await ModelRun.begin(cast)
    const client = run.client(1)
    await run.perform(connect(0))
    await warmUp(run)
    await logSilently(run)
    const removed = Promise.withResolvers<void>()
    const remove = () => void run.perform({ do: 'role', who: 0, store: 0, role: null }).then(removed.resolve, removed.reject)
    await betweenQuestions(run, () => client.connect({ storeId: run.store(0).id }), [remove, pass])
    await removed.promise
    await client.until(() => !client.isBusy, 5_000)
    expect(client.errors).toEqual(['authenticate forbidden'])
    client.authenticate({ storeId: run.store(1).id })
    await run.perform(write('profile', true))
    expect(await run.finish()).toEqual([])
  })

  test('who is removed while the rest of the answer is prepared follows nothing that he was not told of', async () => {
    const run = await returning()
    const client = run.client(1)
    await warmUp(run)
    const removed = Promise.withResolvers<void>()
    const remove = () => void run.perform({ do: 'role', who: 0, store: 0, role: null }).then(removed.resolve, removed.reject)
    await betweenQuestions(run, () => client.connect({ storeId: run.store(0).id }), [remove, pass])
    await removed.promise
    await client.until(() => !client.isBusy, 5_000)
    client.authenticate({ storeId: run.store(1).id })
    expect(await run.finish()).toEqual([])
  })

  test('what a client goes on saying is kept within bounds', async () => {
    const run = await ModelRun.begin(cast)
    const client = run.client(0)
    const talk = async () => {
      await client.connect({ storeId: run.store(0).id })
      for (let n = 0; n < 6; n++) client.say({ type: 'ping', data: { text: 'x'.repeat(15_000) } })
      expect(await client.until(() => !client.isConnected, 5_000)).toBe(true)
    }
    await betweenQuestions(run, talk, [])
    expect(client.closes).toEqual([4429])
    expect(await run.finish()).toEqual([])
  })
})

test('a guest whose order’s log was replaced comes back and goes on', async () => {
  const { server } = cast
  const run = await ModelRun.begin(cast)
  const { id, path, productId } = run.store(0)
  const { data: order } = await run.api().post(`${path}/orders`, { type: 'pickup', items: [{ productId, quantity: 1 }] })
  const follow = async () => {
    const guest = await RawClient.open(server.port)
    await guest.ask({ type: 'subscribe', data: { trackingToken: order.trackingToken } })
    return guest
  }
  const first = await follow()
  await server.sql(`update streams set epoch = 'restored' where stream = 'store:${id}'`)
  expect(await first.closed).toBe(1012)
  const second = await follow()
  await run.api().post(`${path}/orders/${order.id}/status`, { status: 'confirmed' })
  expect((await second.next((frame) => frame.type === 'order_status_changed')).data.status).toBe('confirmed')
  second.socket.cut()
})
