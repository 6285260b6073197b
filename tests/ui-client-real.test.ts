import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type ClientSnapshot, ZipZapClient } from '~/ui/client/client'
import type { ApplicationFrame } from '~/ui/client/frames'
import { RestClient } from '~/ui/client/rest'
import { cuttable } from './support/cuttable'
import { testServer } from './support/server'
import { createProduct, createWorld, registerUser, type World } from './support/world'

/** The client of the front end before the real server, over a network that a test can cut, freeze and mend. */

let way: Awaited<ReturnType<typeof cuttable>>
let world: World

beforeAll(async () => {
  way = await cuttable(await testServer())
})
beforeEach(async () => {
  way.restore()
  world = await createWorld()
})
afterAll(() => way.stop())

type Who = { id: string; token: string }

function startClient(who: Who, readToken = () => who.token) {
  const rest = new RestClient({ baseUrl: way.url, getToken: readToken })
  const client = new ZipZapClient({
    url: way.ws,
    identify: () => ({ userId: who.id, storeId: world.storeId, credential: readToken() }),
    fetchSnapshot: rest.fetchSnapshot,
    onReload: ({ stream, snapshot }) => stream === world.stream && snapshot && seqs.splice(0, seqs.length, snapshot.position.seq),
    reconnectIntervalMs: 5,
    maxReconnectIntervalMs: 40,
    probeTimeoutMs: 500,
    logger: {},
  })
  /** The place of the snapshot, and every event after it. */
  const seqs: number[] = []
  client.on('*', (frame: ApplicationFrame) => 'seq' in frame && frame.stream === world.stream && seqs.push(frame.seq))
  client.start()
  return { client, seqs }
}

/** Resolves as soon as it is true, looked at after every change and every event. */
function reached(client: ZipZapClient, isTrue: (snapshot: ClientSnapshot) => boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error(`the client stayed at ${JSON.stringify(client.getSnapshot())}`)), 15_000)
  const look = () => isTrue(client.getSnapshot()) && resolve()
  const ends = [client.subscribe(look), client.on('*', look), client.on('reload', look)]
  look()
  return promise.finally(() => {
    clearTimeout(timer)
    for (const end of ends) end()
  })
}

const isLive = ({ state }: ClientSnapshot) => state === 'live'

type Step = 'write' | 'cut' | 'freeze' | 'wake' | 'restart' | 'settle'
const step: fc.Arbitrary<Step> = fc.constantFrom('write', 'write', 'cut', 'freeze', 'wake', 'restart', 'settle')

async function take(next: Step, client: ZipZapClient): Promise<void> {
  if (next === 'write') await createProduct(world)
  if (next === 'settle') await reached(client, isLive)
  if (next === 'wake') client.wake()
  if (next === 'restart') {
    client.stop()
    client.start()
  }
  if (next === 'cut') {
    way.refuse()
    way.restore()
  }
  if (next === 'freeze') {
    way.freeze()
    // A laptop that wakes asks for a sign of life, and gets none.
    client.wake()
    way.restore()
  }
}

test('whatever the network does, the client ends at the head of the log, with each event once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 10 }), async (steps) => {
      const { client, seqs } = startClient(world.manager)
      try {
        for (const next of steps) await take(next, client)
        await createProduct(world)
        const { position } = await new RestClient({ baseUrl: (await testServer()).base, getToken: () => world.manager.token }).fetchSnapshot(
          world.storeId,
        )
        await reached(client, (snapshot) => isLive(snapshot) && seqs.at(-1) === position.seq)
        const from = seqs[0] ?? 0
        expect(seqs).toEqual(seqs.map((_, index) => from + index))
      } finally {
        client.stop()
      }
    }),
    { numRuns: 15 },
  )
}, 60_000)

test('a half-open socket is found out by waking, and what was missed is told once', async () => {
  const { client, seqs } = startClient(world.manager)
  await reached(client, isLive)
  const [from = 0] = seqs
  way.freeze()
  await createProduct(world)
  client.wake()
  await reached(client, ({ state }) => state !== 'live')
  way.restore()
  await reached(client, () => seqs.length === 2)
  expect(seqs).toEqual([from, from + 1])
  client.stop()
})

test('a session that ends stops the client; the next sign-in goes on where it was', async () => {
  const person = await registerUser('Temp')
  await world.owner.api.post(`${world.path}/members`, { email: person.email, role: 'manager' })
  let { token } = person
  const { client, seqs } = startClient(person, () => token)
  await reached(client, isLive)
  await person.api.post('/auth/logout', {})
  await reached(client, ({ state }) => state === 'unauthorized')
  expect(client.getSnapshot().ending?.code).toBe(4401)
  await createProduct(world)
  client.wake()
  expect(client.getSnapshot().state).toBe('unauthorized')
  token = (await person.api.post('/auth/login', { email: person.email, password: person.password })).data.token
  client.start()
  await reached(client, () => seqs.length === 2)
  client.stop()
})

test('handlers that throw, or end one another, cost nobody an event', async () => {
  const { client, seqs } = startClient(world.manager)
  await reached(client, isLive)
  const heard: string[] = []
  client.on('product_updated', () => {
    throw new Error('a handler of somebody')
  })
  const endFirst = client.on('product_updated', () => {
    heard.push('first')
    endFirst()
    endSecond()
  })
  const endSecond = client.on('product_updated', () => heard.push('second'))
  client.on('product_updated', () => heard.push('third'))
  await createProduct(world)
  await createProduct(world)
  await reached(client, () => seqs.length === 3)
  expect(heard).toEqual(['first', 'third', 'third'])
  client.stop()
})
