import { parseArgs } from 'node:util'
import { ControlledServer } from '../support/controlled'
import { type Filter, judge, type LogRow, logColumns, type Role, StreamLog } from '../support/entitlement'
import { requireNoFaults } from '../support/faults'
import { printedByServers } from '../support/printed'
import { requireNoLeaks } from '../support/secrets'
import { OracleClient } from './client'
import { type Chance, chanceOf } from './random'
import { type Person, type Shop, Writer } from './writer'

/**
 * Fifty clients, five stores, random writes, random cuts and kill -9 of the server. At rest each client knows exactly
 * what REST shows it, and was sent each event that it was entitled to exactly once, or told to reload.
 *
 *   bun run oracle --seconds 60 --clients 50 [--kills 4] [--seed 1] [--database-url postgres://…]
 */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    clients: { type: 'string', default: '50' },
    kills: { type: 'string' },
    seed: { type: 'string' },
    'database-url': { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const kills = Number(values.kills ?? Math.max(1, Math.floor(seconds / 15)))
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const storeCount = 5
const writersPerStore = 2
const patienceMs = 30_000
// The server makes a database of its own there; without it, it is embedded.
if (values['database-url']) process.env.TEST_DATABASE_URL = values['database-url']

const filters: (Filter | null)[] = [
  null,
  null,
  { events: ['order_created', 'order_updated', 'order_status_changed'] },
  { events: ['product_updated', 'category_updated', 'store_updated'] },
  { where: { type: ['pickup', 'dine_in'] } },
  { where: { status: ['pending', 'confirmed', 'preparing', 'ready'] } },
]

async function register(server: ControlledServer, name: string): Promise<Person> {
  const email = `${name}@zipzap.test`
  const { data } = await server.api().post('/auth/register', { email, password: 'correct horse battery', firstName: name })
  return { id: data.user.id, email, token: data.token }
}

async function openShop(server: ControlledServer, index: number): Promise<Shop> {
  const [owner, ...members] = await Promise.all(['owner', 'ann', 'bob', 'cem'].map((name) => register(server, `${name}${index}`)))
  if (!owner) throw new Error('nobody was registered')
  const api = server.api(owner.token)
  const { data: store } = await api.post('/stores', { name: `Shop ${index}` })
  for (const [position, { email }] of members.entries()) {
    await api.post(`/stores/${store.id}/members`, { email, role: (['manager', 'staff', 'kitchen'] as const)[position] })
  }
  const { data: kiosk } = await api.post(`/stores/${store.id}/devices`, { name: 'Kiosk', role: 'kiosk' })
  return { id: store.id, owner, members, kiosks: [{ id: kiosk.device.userId, email: '', token: kiosk.token }] }
}

function createClients(server: ControlledServer, shops: Shop[], chance: Chance): OracleClient[] {
  const world = { port: () => server.port, api: (token: string) => server.api(token) }
  return Array.from({ length: Number(values.clients) }, (_, index) => {
    const shop = chance.pick(shops)
    const person = chance.pick([shop.owner, ...shop.members, ...shop.kiosks])
    return new OracleClient({ name: `client ${index}`, userId: person.id, token: person.token, storeId: shop.id }, chance.pick(filters), world)
  })
}

/** What befalls the clients until the end: cuts, pauses, and coming back. */
async function trouble(clients: OracleClient[], chance: Chance, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const client = chance.pick(clients)
    const { stream } = client
    const roll = chance.next()
    if (!stream.isConnected) await client.connect()
    else if (roll < 0.5) stream.cut()
    else if (roll < 0.6) stream.close()
    else if (roll < 0.8) stream.pause()
    else stream.resume()
    await Bun.sleep(chance.below(60))
  }
}

async function killNowAndThen(server: ControlledServer, chance: Chance): Promise<void> {
  for (let killed = 0; killed < kills; killed++) {
    await Bun.sleep((seconds * 1000 * (0.5 + chance.next())) / (kills + 1))
    await server.restart()
  }
}

/** Brings a client to the head of all it follows; answers what kept it from there. */
async function comeToRest(client: OracleClient, heads: ReadonlyMap<string, number>): Promise<string[]> {
  const { stream } = client
  stream.resume()
  const reached = (name: string) => (stream.positions.get(name)?.seq ?? 0) >= (heads.get(name) ?? 0)
  const isThere = () => stream.active.size === 2 && [...stream.active].every(([name, run]) => run.liveFrom !== null && reached(name))
  const deadline = performance.now() + patienceMs
  while (!isThere() && performance.now() < deadline) {
    if (!stream.isConnected) await client.connect()
    await stream.until(() => isThere() || !stream.isConnected, 2_000)
    // Refused, or removed from the store while it was connected and a member again since: nobody asks but the client.
    if (stream.active.size < 2 && !stream.isBusy) stream.cut()
    if (!stream.isConnected) await Bun.sleep(50)
  }
  await client.settled()
  return isThere() ? [] : [`did not come to rest: ${JSON.stringify([...stream.positions])}`]
}

async function readLogs(server: ControlledServer, shops: Shop[]): Promise<Map<string, StreamLog>> {
  const logs = new Map<string, StreamLog>()
  const people = shops.flatMap((shop) => [shop.owner, ...shop.members, ...shop.kiosks])
  const add = async (name: string, log: StreamLog) => {
    log.add(await server.sql<LogRow>(`select ${logColumns} from events where stream = '${name}' order by seq`))
    logs.set(name, log)
  }
  for (const shop of shops) await add(`store:${shop.id}`, new StreamLog(new Map([[shop.owner.id, 'owner']])))
  for (const person of people) await add(`user:${person.id}`, new StreamLog())
  return logs
}

async function rolesIn(server: ControlledServer): Promise<Map<string, Role>> {
  const members = await server.sql<{ store_id: string; user_id: string; role: Role }>('select store_id, user_id, role from members')
  return new Map(members.map((member) => [`${member.store_id} ${member.user_id}`, member.role]))
}

async function main(): Promise<boolean> {
  console.log(`oracle: ${values.clients} clients, ${seconds} s, ${kills} kills, seed ${seed}`)
  const chance = chanceOf(seed)
  const server = await ControlledServer.start({ WS_HEARTBEAT_MS: '1000' })
  const shops = await Promise.all(Array.from({ length: storeCount }, (_, index) => openShop(server, index)))
  const clients = createClients(server, shops, chance)
  await Promise.all(clients.map((client) => client.connect()))

  const writers = shops.map((shop) => new Writer(shop, chance, (token) => server.api(token)))
  const endsAt = performance.now() + seconds * 1000
  const isOver = () => performance.now() > endsAt
  const write = async (writer: Writer) => {
    while (!isOver()) await writer.write()
  }
  await Promise.all([
    ...writers.flatMap((writer) => Array.from({ length: writersPerStore }, () => write(writer))),
    trouble(clients, chance, isOver),
    killNowAndThen(server, chance),
  ])

  const roles = await rolesIn(server)
  const heads = new Map(
    (await server.sql<{ stream: string; seq: number }>('select stream, last_seq::float8 as seq from streams')).map((row) => [row.stream, row.seq]),
  )
  const logs = await readLogs(server, shops)
  let failed = 0
  for (const client of clients) {
    const role = roles.get(`${client.who.storeId} ${client.who.userId}`)
    const atRest = role ? [...(await comeToRest(client, heads)), ...(await client.verify(role))] : []
    const faults = [...client.stream.faults, ...atRest]
    for (const run of client.stream.runs) faults.push(...judge(run, logs.get(run.stream) ?? new StreamLog()))
    client.stream.cut()
    if (faults.length === 0) continue
    failed += 1
    console.error(
      `${client.who.name} (${role ?? 'no member'}, ${JSON.stringify(client.filter)}):\n  ${faults.slice(0, 20).join('\n  ')}\n  its last words:\n  ${client.stream.story.slice(-20).join('\n  ')}`,
    )
  }
  // Beside the clients one check more: that every frame was as AsyncAPI says, that no server ended by itself, and that
  // none of them printed a secret.
  try {
    requireNoFaults()
    requireNoLeaks(printedByServers())
  } catch (error) {
    failed += 1
    console.error(String(error).slice(0, 10_000))
  }
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)
  const figures = {
    writes: sum(writers.map((writer) => writer.writes)),
    logged: sum([...heads.values()]),
    received: sum(clients.map((client) => sum(client.stream.runs.map((run) => run.events.length)))),
    connections: sum(clients.map((client) => client.stream.closes.length)),
    reloads: sum(clients.map((client) => client.reloads)),
  }
  console.log(JSON.stringify(figures))
  console.log(` ${clients.length + 1 - failed} pass\n ${failed} fail`)
  await server.stop()
  return failed === 0
}

process.exit((await main()) ? 0 : 1)
