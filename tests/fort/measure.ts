import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from '~/bench/stats'
import { ApiClient } from '../support/api'
import { type ServerProcess, spawnServer } from '../support/process'
import { RawSocket } from '../support/raw-socket'
import { Scrape } from '../support/scrape'

/**
 * Two figures that need a machine of their own, and are therefore no tests:
 *
 *   bun run fort:measure sealing    processor time of a fan-out to 1,000 sockets, sealed and not
 *   bun run fort:measure sign-in    health and delivery while 200 addresses sign in at once
 *
 * Ends with 1 when a promise is not kept: sealing costs at most 15 %, both p99 stay within three times.
 */

const sockets = 1_000
const socketsPerDevice = 40
const updates = 100
/** Slow enough that every update leaves for itself: of what comes faster, more or less shares a system call. */
const updateEveryMs = 50
const rounds = 5

type Shop = { api: ApiClient; storeId: string; path: string; server: ServerProcess; port: number; owner: { id: string; token: string } }

const directory = mkdtempSync(join(tmpdir(), 'zipzap-measure-'))

async function openShop(environment: Record<string, string>): Promise<Shop> {
  const server = await spawnServer(directory, { DATA_DIR: 'memory://', ...environment })
  const account = { email: 'olga@zipzap.test', password: 'correct horse battery', firstName: 'Olga' }
  const { data } = await server.api.post('/auth/register', account)
  const api = new ApiClient(server.api.server, data.token)
  const storeId: string = (await api.post('/stores', { name: 'Corner' })).data.id
  return { api, storeId, path: `/stores/${storeId}`, server, port: Number(new URL(server.base).port), owner: { id: data.user.id, token: data.token } }
}

/** Sockets that count the events that they get; `all` resolves when each of them has had so many. */
async function crowd({ port, storeId }: Shop, people: { id: string; token: string }[], each: number, onEvent: (text: string) => void) {
  const opened: RawSocket[] = []
  for (const person of people) {
    for (let index = 0; index < each; index++) {
      const live = Promise.withResolvers<void>()
      const onText = (text: string) => {
        if (text.includes('"live":true')) live.resolve()
        else if (text.includes('"seq":') && !text.startsWith('{"type":"general_notification","data":{"message":"Auth')) onEvent(text)
      }
      const socket = await RawSocket.open(port, { onText, onClose: () => {} }, { Authorization: `Bearer ${person.token}` })
      socket.send({ type: 'authenticate', data: { userId: person.id, storeId } })
      await live.promise
      opened.push(socket)
    }
  }
  return opened
}

/** A server whose sockets all hear of one customer; `round` answers its processor seconds for one round of updates. */
async function openFanOut(environment: Record<string, string>) {
  const shop = await openShop(environment)
  const devices: { id: string; token: string }[] = []
  for (let made = 0; made < sockets / socketsPerDevice; made++) {
    const { data } = await shop.api.post(`${shop.path}/devices`, { name: `Till ${made}`, role: 'staff' })
    devices.push({ id: data.device.userId, token: data.token })
  }
  let left = 0
  let done = Promise.withResolvers<void>()
  const opened = await crowd(shop, devices, socketsPerDevice, (text) => {
    if (text.startsWith('{"type":"customer_updated"') && --left === 0) done.resolve()
  })
  const { data: customer } = await shop.api.post(`${shop.path}/customers`, { firstName: 'Ada', phone: '+49 171 5550199', note: 'x'.repeat(200) })
  const cpuSeconds = async () => (await Scrape.of(shop.server.base)).value('process_cpu_seconds_total')
  return {
    async round(): Promise<number> {
      left = updates * sockets
      done = Promise.withResolvers()
      const [before, startedAt] = [await cpuSeconds(), performance.now()]
      for (let update = 0; update < updates; update++) {
        await shop.api.patch(`${shop.path}/customers/${customer.id}`, { note: `${update} ${startedAt} ${'x'.repeat(200)}` })
        await Bun.sleep(Math.max(0, startedAt + (update + 1) * updateEveryMs - performance.now()))
      }
      await done.promise
      return (await cpuSeconds()) - before
    },
    async end(): Promise<void> {
      for (const socket of opened) socket.cut()
      await shop.server.end('SIGKILL')
    },
  }
}

async function measureSealing(): Promise<boolean> {
  const plain = await openFanOut({})
  const sealed = await openFanOut({ WS_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') })
  const costs: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const [inPlain, whenSealed] = [await plain.round(), await sealed.round()]
    // The first one compiles.
    if (round > 0) costs.push(whenSealed / inPlain - 1)
    console.log(`${updates} updates to ${sockets} sockets: ${inPlain.toFixed(2)} s of processor in plain, ${whenSealed.toFixed(2)} s sealed`)
  }
  await Promise.all([plain.end(), sealed.end()])
  const cost = median(costs)
  console.log(`sealing costs ${(cost * 100).toFixed(1)} % (median of ${rounds} rounds)`)
  return cost <= 0.15
}

const p99 = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0

async function measureSignIn(): Promise<boolean> {
  const shop = await openShop({ TRUST_PROXY: '1', RATE_LIMIT_RPS: '1000' })
  const sentAt = new Map<string, number>()
  let delivered: number[] = []
  await crowd(shop, [shop.owner], 5, (text) => {
    const message = /"message":"([^"]+)"/.exec(text)?.[1]
    const at = message && sentAt.get(message)
    if (at) delivered.push(performance.now() - at)
  })
  const timed = async (work: () => Promise<unknown>) => {
    const startedAt = performance.now()
    await work()
    return performance.now() - startedAt
  }
  const notify = async () => {
    const message = crypto.randomUUID()
    sentAt.set(message, performance.now())
    await shop.api.post(`${shop.path}/notifications`, { message, level: 'info' })
  }
  const look = async (isOver: () => boolean) => {
    delivered = []
    const health: number[] = []
    while (!isOver()) {
      health.push(await timed(() => fetch(`${shop.server.base}/health/live`)))
      await notify()
    }
    return { health: p99(health), delivery: p99(delivered), samples: health.length }
  }
  const memory = async () => (await Scrape.of(shop.server.base)).value('process_resident_memory_bytes') / 1e6
  const lookFor = (ms: number) => {
    const until = performance.now() + ms
    return look(() => performance.now() > until)
  }
  await lookFor(4_000)
  const calm = await lookFor(4_000)
  const before = await memory()
  let finished = 0
  const attempt = (index: number) =>
    fetch(`${shop.server.base}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': `203.0.${Math.floor(index / 250)}.${1 + (index % 250)}` },
      body: JSON.stringify({ email: `somebody${index}@zipzap.test`, password: 'incorrect horse battery' }),
    }).then((response) => {
      finished += 1
      return response.status
    })
  const attack = Promise.all(Array.from({ length: 200 }, (_, index) => attempt(index)))
  const besieged = await look(() => finished === 200)
  const statuses = Map.groupBy(await attack, (status) => status)
  const after = await memory()
  // Other work on the machine comes and goes: what is compared with is measured on both sides of the attack.
  const calmAgain = await lookFor(4_000)
  await shop.server.end('SIGKILL')
  const line = ({ health, delivery, samples }: typeof calm) =>
    `health ${health.toFixed(1)} ms, delivery ${delivery.toFixed(1)} ms (p99 of ${samples})`
  console.log(`calm:     ${line(calm)}`)
  console.log(`again:    ${line(calmAgain)}`)
  console.log(`attacked: ${line(besieged)}; answers ${[...statuses].map(([status, all]) => `${status}×${all.length}`).join(', ')}`)
  console.log(`memory:   ${before.toFixed(0)} MB before, ${after.toFixed(0)} MB after`)
  const mean = (part: 'health' | 'delivery') => (calm[part] + calmAgain[part]) / 2
  const times = { health: besieged.health / mean('health'), delivery: besieged.delivery / mean('delivery') }
  console.log(`times the mean of both: health ${times.health.toFixed(1)}, delivery ${times.delivery.toFixed(1)}`)
  return times.health <= 3 && times.delivery <= 3 && after < before + 200
}

const measures = { sealing: measureSealing, 'sign-in': measureSignIn }
const wanted = process.argv[2]
const chosen = wanted === 'sealing' || wanted === 'sign-in' ? [measures[wanted]] : Object.values(measures)
let isKept = true
for (const measure of chosen) isKept = (await measure()) && isKept
rmSync(directory, { recursive: true, force: true })
process.exit(isKept ? 0 : 1)
