import { setDefaultTimeout } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openOwnDatabase } from '../chaos/database'
import { ApiClient } from '../support/api'
import { spawnServer } from '../support/process'
import { RawClient } from '../support/raw-client'
import type { TestUser, World } from '../support/world'

/**
 * What is attacked: a server as it runs in production, with its limits on, a shop with one person in each role, and the
 * shop of an attacker, who is a well-registered owner there. `ATTACK_URL` names one that is running (tests/attack/cluster.ts).
 */

// The first check of a run waits for the database's first start and for six people to register.
setDefaultTimeout(120_000)

export const metricsToken = 'metrics-token-of-the-operator'
export const friendlyOrigin = 'https://app.zipzap.test'
export const limits = { anonymousPerAddress: 30, heartbeatMs: 4_000, authTimeoutMs: 10_000, requestsPerSecond: 100 }

/** Settings of every server that is attacked; the time limits are short so that they can be waited for. */
export const settings: Record<string, string> = {
  NODE_ENV: 'production',
  LOG_LEVEL: 'trace',
  METRICS_TOKEN: metricsToken,
  CORS_ORIGINS: friendlyOrigin,
  RATE_LIMIT_RPS: String(limits.requestsPerSecond),
  WS_HEARTBEAT_MS: String(limits.heartbeatMs),
  WS_AUTH_TIMEOUT_MS: String(limits.authTimeoutMs),
  WS_MAX_ANONYMOUS_PER_IP: String(limits.anonymousPerAddress),
  WS_MAX_BUFFERED_BYTES: '65536',
  WS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
}

export type Shop = World & {
  kiosk: { id: string; token: string; api: ApiClient }
  productId: string
  categoryId: string
  customerId: string
  /** Of the staff, for the customer, with an address. */
  orderId: string
  trackingToken: string
}

export type House = { base: string; port: number; ours: Shop; theirs: Shop; mallory: TestUser; nobody: ApiClient }

export const customer = { firstName: 'Clandestina', lastName: 'Verborgen', phone: '+49 171 5550199', email: 'clan@verborgen.test', note: 'no nuts' }
export const deliveryAddress = 'Geheimgasse 7, 10115 Berlin'
const password = 'correct horse battery'

let opened: Promise<House> | undefined

/** The house of this run. */
export function house(): Promise<House> {
  opened ??= open()
  return opened
}

async function open(): Promise<House> {
  const base = process.env.ATTACK_URL ?? (await startTarget()).base
  const nobody = new ApiClient({ base, api: `${base}/api/v1` })
  const names = ['Olga', 'Mona', 'Stan', 'Kit', 'Mallory', 'Gus']
  const [owner, manager, staff, kitchen, mallory, guest] = (await Promise.all(names.map((name) => register(nobody, name)))) as Six
  const ours = await furnish({ owner, manager, staff, kitchen, stranger: mallory })
  const theirs = await furnish({ owner: mallory, manager: guest, staff: guest, kitchen: guest, stranger: owner })
  return { base, port: Number(new URL(base).port), ours, theirs, mallory, nobody }
}

type Six = [TestUser, TestUser, TestUser, TestUser, TestUser, TestUser]

/** A server of its own for one check, with further settings. Ends with the run. */
export async function startTarget(further: Record<string, string> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'zipzap-attack-'))
  const database = process.env.TEST_DATABASE_URL
    ? (await openOwnDatabase(process.env.TEST_DATABASE_URL, directory)).environment
    : { DATA_DIR: 'memory://' }
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return spawnServer(directory, { ...settings, ...database, ...further })
}

let registered = 0

/** Names that no other run on the same database has. */
export const fresh = (prefix: string): string => `${prefix}-${crypto.randomUUID().slice(0, 8)}-${++registered}`

export async function register(nobody: ApiClient, firstName: string): Promise<TestUser> {
  const email = `${fresh(firstName.toLowerCase())}@zipzap.test`
  const data = must(await nobody.post('/auth/register', { email, password, firstName, lastName: 'Tester' }))
  return { id: data.user.id, email, password, token: data.token, api: new ApiClient(nobody.server, data.token) }
}

/** The data of an answer that had to succeed. */
// biome-ignore lint/suspicious/noExplicitAny: tests read whatever came; a wrong shape fails the assertion
export function must(answer: { status: number; body: unknown; data: any }) {
  if (answer.status >= 300) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.data
}

type People = Pick<World, 'owner' | 'manager' | 'staff' | 'kitchen' | 'stranger'>

async function furnish(people: People): Promise<Shop> {
  const { api } = people.owner
  const storeId: string = must(await api.post('/stores', { name: fresh('Store') })).id
  const path = `/stores/${storeId}`
  const roles = (['manager', 'staff', 'kitchen'] as const).filter((role) => role === 'manager' || people[role] !== people.manager)
  for (const [user, role] of roles.map((role) => [people[role], role] as const)) must(await api.post(`${path}/members`, { email: user.email, role }))
  const made = must(await api.post(`${path}/devices`, { name: 'Kiosk', role: 'kiosk' }))
  const categoryId: string = must(await api.post(`${path}/categories`, { name: 'Mains' })).id
  const productId: string = must(await api.post(`${path}/products`, { name: 'Ramen', price: 1290, categoryId })).id
  const customerId: string = must(await api.post(`${path}/customers`, customer)).id
  const body = { type: 'delivery', items: [{ productId, quantity: 1 }], customerId, deliveryAddress }
  const order = must(await people.staff.api.post(`${path}/orders`, body))
  const kiosk = { id: made.device.userId, token: made.token, api: new ApiClient(api.server, made.token) }
  const rows = { productId, categoryId, customerId, orderId: order.id, trackingToken: order.trackingToken }
  return { storeId, path, stream: `store:${storeId}`, ...people, kiosk, ...rows }
}

export const newOrder = async ({ path, productId, staff }: Shop, over: object = {}) =>
  must(await staff.api.post(`${path}/orders`, { type: 'pickup', items: [{ productId, quantity: 1 }], ...over }))

/** A socket of somebody, authenticated for a shop and live. */
export async function joinShop(
  user: { id: string; token: string },
  shop: Pick<Shop, 'storeId'>,
  over: Record<string, unknown> = {},
): Promise<RawClient> {
  const socket = await RawClient.open((await house()).port, user.token)
  await socket.authenticate({ userId: user.id, storeId: shop.storeId, ...over })
  return socket
}

export const openSocket = async (token?: string): Promise<RawClient> => RawClient.open((await house()).port, token)

/** The code of an error, or the type of any other reply. */
export async function replyTo(socket: RawClient, message: Record<string, unknown>): Promise<string> {
  const answer = await socket.ask(message)
  return answer.type === 'error' ? answer.data.code : answer.type
}
