import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Chance, chanceOf } from '../oracle/random'
import type { ApiClient } from '../support/api'
import { ControlledServer } from '../support/controlled'
import { type LogRow, logColumns, mayRead, StreamLog } from '../support/entitlement'
import { RawClient } from '../support/raw-client'

/**
 * Clients that try for more than they have (foreign stores, old positions, other people's names and tokens) while
 * memberships come and go. Whatever reached them is held against the log: no event that its user had no right to when
 * it was committed, or for a replay, when the replay was promised. By hand: ATTACK_WRITES, ATTACK_SEED.
 */

const writes = Number(process.env.ATTACK_WRITES ?? 500)
const seed = Number(process.env.ATTACK_SEED ?? Math.floor(Math.random() * 2 ** 31))
const clientCount = 12

type Person = { id: string; token: string; email: string; api: ApiClient }
type Shop = { storeId: string; productId: string; owner: Person; initial: Map<string, 'owner'> }

let server: ControlledServer
let people: Person[]
let shops: Shop[]

beforeAll(async () => {
  server = await ControlledServer.start({ WS_ENCRYPTION_KEY: Buffer.alloc(32, 3).toString('base64') })
  people = await Promise.all(Array.from({ length: 6 }, (_, index) => register(`person${index}`)))
  shops = await Promise.all(people.slice(0, 2).map(openShop))
}, 60_000)
afterAll(() => server.stop())

async function register(name: string): Promise<Person> {
  const email = `${name}@zipzap.test`
  const { data } = await server.api().post('/auth/register', { email, password: 'correct horse battery', firstName: name })
  return { id: data.user.id, token: data.token, email, api: server.api(data.token) }
}

async function openShop(owner: Person): Promise<Shop> {
  const { data: store } = await owner.api.post('/stores', { name: 'Shop' })
  const { data: product } = await owner.api.post(`/stores/${store.id}/products`, { name: 'Ramen', price: 1 })
  return { storeId: store.id, productId: product.id, owner, initial: new Map([[owner.id, 'owner']]) }
}

/** An event as it reached somebody: by then acting for `userId`, who was promised all after `head` live. */
type Heard = { stream: string; seq: number; id: string; userId: string; head: number }

/** A socket and what was heard on it. Every answer that names a user or a head changes what comes after it. */
class Intruder {
  readonly heard: Heard[] = []
  readonly client: Promise<RawClient>
  /** Whom the frames up to an index were for. */
  constructor() {
    this.client = RawClient.open(server.port)
  }

  /** Walks over all frames once, in the order in which they came. */
  async collect(): Promise<void> {
    let userId = ''
    const heads = new Map<string, number>()
    for (const frame of (await this.client).frames) {
      if (frame.data?.message === 'Authentication successful') userId = frame.data.userId
      for (const [stream, answer] of Object.entries<{ seq: number; resumed?: boolean }>(frame.data?.streams ?? {})) {
        if ('resumed' in answer) heads.set(stream, answer.seq)
      }
      if (frame.stream) this.heard.push({ stream: frame.stream, seq: frame.seq, id: frame.id, userId, head: heads.get(frame.stream) ?? 0 })
    }
  }
}

/** What a client that wants more would try next. */
function attempt(chance: Chance, epochs: Map<string, string>, own: Person): Record<string, unknown> {
  const [me, other] = [chance.next() < 0.9 ? own : chance.pick(people), chance.pick(people)]
  const { storeId } = chance.pick(shops)
  const streams = [...shops.map((shop) => `store:${shop.storeId}`), ...people.map((person) => `user:${person.id}`)]
  const position = (stream: string) => [stream, { epoch: epochs.get(stream) ?? 'e', seq: chance.below(30) }] as const
  const resume = chance.next() < 0.5 ? { resume: Object.fromEntries(streams.map(position)) } : {}
  const named = { userId: chance.next() < 0.85 ? me.id : other.id, token: me.token, ...(chance.next() < 0.8 && { storeId }), ...resume }
  const roll = chance.next()
  if (roll < 0.3) return { type: 'authenticate', data: named }
  if (roll < 0.85) return { type: 'subscribe', data: { storeId, ...resume } }
  if (roll < 0.9) return { type: 'unsubscribe', data: { storeId } }
  return { type: 'custom_action', data: { action: 'x', storeId } }
}

/** One change of who belongs to a shop, or something for its members to hear. */
async function write(chance: Chance): Promise<void> {
  const { storeId, productId, owner } = chance.pick(shops)
  const path = `/stores/${storeId}`
  const target = chance.pick(people)
  const role = chance.pick(['manager', 'staff', 'kitchen'])
  const roll = chance.next()
  if (roll < 0.25) await owner.api.post(`${path}/members`, { email: target.email, role })
  else if (roll < 0.35) await owner.api.delete(`${path}/members/${target.id}`)
  else if (roll < 0.45) await owner.api.patch(`${path}/members/${target.id}`, { role })
  else if (roll < 0.6) await owner.api.post(`${path}/customers`, { firstName: 'Ada' })
  else if (roll < 0.8) await owner.api.post(`${path}/orders`, { type: 'pickup', items: [{ productId, quantity: 1 }] })
  else if (roll < 0.9) await owner.api.post(`${path}/notifications`, { message: 'x', level: 'info', userId: target.id })
  else await target.api.patch('/users/profile', { firstName: `P${chance.below(1e6)}` })
}

async function readLogs(): Promise<Map<string, StreamLog>> {
  const logs = new Map<string, StreamLog>()
  for (const { storeId, initial } of shops) {
    const log = new StreamLog(initial)
    log.add(await server.sql<LogRow>(`select ${logColumns} from events where stream = 'store:${storeId}' order by seq`))
    logs.set(`store:${storeId}`, log)
  }
  return logs
}

/** Why somebody should not have heard an event; null when he had the right to it. */
function faultOf({ stream, seq, id, userId, head }: Heard, logs: Map<string, StreamLog>): string | null {
  if (stream.startsWith('user:')) return stream === `user:${userId}` ? null : `${userId} heard ${seq} of ${stream}`
  const log = logs.get(stream)
  const row = log?.row(seq)
  if (!log || row?.id !== id) return `${stream} ${seq} is not what the log holds`
  // A replay shows what the role that it was promised to sees: that of its head.
  const at = seq > head ? seq : head + 1
  const roles = [...log.rolesBetween(userId, at, at)]
  return roles.some((role) => mayRead(row, role, userId))
    ? null
    : `${userId}, ${roles} by then, heard ${seq} (${row.type}) of ${stream}, head ${head}`
}

test('no client ever receives an event that its user had no right to when it was committed', async () => {
  const chance = chanceOf(seed)
  console.log(`seed ${seed}`)
  const rows = await server.sql<{ stream: string; epoch: string }>('select stream, epoch from streams')
  const epochs = new Map(rows.map(({ stream, epoch }) => [stream, epoch]))
  const intruders = Array.from({ length: clientCount }, () => new Intruder())
  let left = writes
  const intrude = async (intruder: Intruder, index: number) => {
    const client = await intruder.client
    const own = people[index % people.length] ?? chance.pick(people)
    while (left > 0 && client.socket.isOpen) {
      await client.ask(attempt(chance, epochs, own)).catch(() => {})
      // Within the rate of messages, so that the limit does not end the socket.
      await client.ask({ type: 'ping' }).catch(() => {})
      await Bun.sleep(80)
    }
  }
  const writing = async () => {
    while (left-- > 0) await write(chance)
  }
  await Promise.all([...intruders.map(intrude), writing(), writing()])
  const logs = await readLogs()
  for (const intruder of intruders) await intruder.collect()
  const heard = intruders.flatMap((intruder) => intruder.heard)
  console.log(`${heard.length} events reached ${clientCount} clients`)
  expect(heard.flatMap((one) => faultOf(one, logs) ?? [])).toEqual([])
  expect(heard.length).toBeGreaterThan(100)
}, 120_000)
