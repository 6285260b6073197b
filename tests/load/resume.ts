import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { cpuMsOf, Process, residentBytesOf } from '~/bench/process'
import { startPostgres } from '../../scripts/postgres'
import { ApiClient } from '../support/api'
import { type ServerProcess, spawnServer } from '../support/process'
import type { Member, SocketAnswer, SocketCommand, SocketGroup } from './sockets'

/**
 * Ten thousand sockets are cut and come back, each with twenty missed events: once to the server that they were cut from,
 * once to one that was killed and started again and remembers nothing. PostgreSQL counts what was read. In the same run
 * the same sockets connect to a bare server of the same runtime, and to this one without more than its greeting.
 *
 *   bun run load:resume [--users 200] [--each 50] [--stores 20] [--missed 20] [--rounds 3]
 */

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '200' },
    each: { type: 'string', default: '50' },
    stores: { type: 'string', default: '20' },
    missed: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
  },
})
const [users, each, stores, missed, rounds] = [values.users, values.each, values.stores, values.missed, values.rounds].map(Number) as [
  number,
  number,
  number,
  number,
  number,
]
/** Of the missed events, those on the user's own stream. */
const ownMissed = Math.min(2, missed)
/** The greeting, the answer, and that it is live. */
const framesAround = 3
const settings = { HOST: '0.0.0.0', WS_MAX_ANONYMOUS_PER_IP: '20000' }

type Figures = { seconds: number; cpuMicrosEach: number; reads: Reads | null; mebibytes: number }
type Reads = { log: number; sessions: number; other: number }

const directory = mkdtempSync(join(tmpdir(), 'zipzap-load-'))
const cluster = await startPostgres({ settings: { shared_preload_libraries: 'pg_stat_statements', max_connections: '50' } })
const admin = postgres(cluster.url, { max: 1, onnotice: () => {} })
await admin`create extension pg_stat_statements`
const fleet = new Process<SocketCommand, SocketAnswer>(join(import.meta.dir, 'sockets.ts'))
/** The server of now; the one before it was killed. */
let running: ServerProcess | undefined

async function start(): Promise<ServerProcess> {
  running = await spawnServer(directory, { ...settings, DATABASE_URL: cluster.url })
  return running
}

/** What was read since the last reset, by table: the log itself, the sessions, and everything else. */
async function reads(): Promise<Reads> {
  const rows = await admin<{ query: string; calls: number }[]>`select query, calls::int from pg_stat_statements where query ~* '^\\s*(with|select)'`
  const sum = (isMine: (query: string) => boolean) => rows.reduce((total, { query, calls }) => total + (isMine(query) ? calls : 0), 0)
  const ofLog = (query: string) => /\b(from|join)\s+"?events\b/i.test(query)
  const ofSessions = (query: string) => /\b(from|join)\s+"?sessions\b/i.test(query)
  return {
    log: sum(ofLog),
    sessions: sum((query) => ofSessions(query) && !ofLog(query)),
    other: sum((query) => !ofLog(query) && !ofSessions(query) && !query.includes('pg_stat_statements')),
  }
}

async function enlist(server: ServerProcess): Promise<{ token: string; members: Member[]; storeIds: string[] }> {
  const { data } = await server.api.post('/auth/register', { email: 'olga@zipzap.test', password: 'correct horse battery', firstName: 'Olga' })
  const owner = new ApiClient(server.api.server, data.token)
  const storeIds: string[] = []
  for (let index = 0; index < stores; index++) storeIds.push((await owner.post('/stores', { name: `Store ${index}` })).data.id)
  const members: Member[] = []
  for (let index = 0; index < users; index++) {
    const storeId = storeIds[index % stores] ?? ''
    const { data: made } = await owner.post(`/stores/${storeId}/devices`, { name: `Screen ${index}`, role: 'staff' })
    members.push({ userId: made.device.userId, token: made.token, storeId })
  }
  return { token: data.token, members, storeIds }
}

/** Logs what the sockets will have missed; answers how many of each stream. */
async function logMissed(owner: ApiClient, members: Member[], storeIds: string[]): Promise<Record<string, number>> {
  const notify = async (storeId: string, body: object) => {
    const { status } = await owner.post(`/stores/${storeId}/notifications`, { message: 'You were away', level: 'info', ...body })
    if (status !== 201) throw new Error(`a notification was answered ${status}`)
  }
  for (let event = 0; event < missed - ownMissed; event++) await Promise.all(storeIds.map((storeId) => notify(storeId, {})))
  for (let event = 0; event < ownMissed; event++) for (const { storeId, userId } of members) await notify(storeId, { userId })
  return Object.fromEntries([
    ...storeIds.map((id): [string, number] => [`store:${id}`, missed - ownMissed]),
    ...members.map(({ userId }): [string, number] => [`user:${userId}`, ownMissed]),
  ])
}

async function measure(pid: number, open: Omit<SocketCommand & { kind: 'open' }, 'kind'>): Promise<Figures> {
  await admin`select pg_stat_statements_reset()`
  const cpuBefore = cpuMsOf(pid)
  const answer = await fleet.ask({ kind: 'open', ...open })
  const cpuMs = cpuMsOf(pid) - cpuBefore
  if (answer.open !== users * each) throw new Error(`${users * each - answer.open} sockets were closed`)
  return {
    seconds: answer.tookMs / 1000,
    cpuMicrosEach: (cpuMs * 1000) / (users * each),
    reads: await reads(),
    mebibytes: residentBytesOf(pid) / 2 ** 20,
  }
}

/** Fails the run when a socket was sent something else than what it had to be sent. */
function requireNone({ faults }: SocketAnswer): void {
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

async function cutAll(server: ServerProcess | null): Promise<void> {
  await fleet.ask({ kind: 'cut' })
  if (!server) return
  for (;;) {
    const { totalConnections } = (await server.api.get('/websocket/stats')).data
    if (totalConnections === 0) return
    await Bun.sleep(50)
  }
}

async function measureBare(groups: SocketGroup[]): Promise<Figures> {
  const child = Bun.spawn([process.execPath, 'run', join(import.meta.dir, 'bare.ts')], { stdout: 'pipe', stderr: 'inherit' })
  const reader = child.stdout.getReader()
  const { port } = JSON.parse(new TextDecoder().decode((await reader.read()).value)) as { port: number }
  const open = { port, groups: groups.map(({ count }) => ({ count, member: null })), framesEach: 1, resumes: false }
  await measure(child.pid, open)
  await cutAll(null)
  const figures = await measure(child.pid, { ...open, resumes: true })
  await cutAll(null)
  child.kill()
  await child.exited
  return { ...figures, reads: null }
}

const portOf = (server: ServerProcess) => Number(new URL(server.base).port)

async function main(): Promise<void> {
  let server = await start()
  const { token, members, storeIds } = await enlist(server)
  const owner = () => new ApiClient(server.api.server, token)
  const groups: SocketGroup[] = members.map((member) => ({ count: each, member }))
  const anonymous = groups.map(({ count }) => ({ count, member: null }))
  const results: Record<string, Figures[]> = {}
  const note = (name: string, figures: Figures) => {
    results[name] = [...(results[name] ?? []), figures]
    console.error(`${name}: ${figures.seconds.toFixed(2)} s, ${JSON.stringify(figures.reads)}`)
  }
  for (let round = 0; round < rounds; round++) {
    note('bare server, greeting', await measureBare(groups))
    note('ZipZap, greeting', await measure(server.pid, { port: portOf(server), groups: anonymous, framesEach: 1, resumes: false }))
    await cutAll(server)

    note('authenticated, nothing missed', await measure(server.pid, { port: portOf(server), groups, framesEach: framesAround, resumes: false }))
    requireNone(await fleet.ask({ kind: 'judge', missed: null }))
    await cutAll(server)
    const due = await logMissed(owner(), members, storeIds)
    const back = { groups, framesEach: framesAround + missed, resumes: true }
    note('cut and resuming', await measure(server.pid, { port: portOf(server), ...back }))
    requireNone(await fleet.ask({ kind: 'judge', missed: due }))

    await cutAll(server)
    const again = await logMissed(owner(), members, storeIds)
    await server.end('SIGKILL')
    server = await start()
    note('resuming after kill -9', await measure(server.pid, { port: portOf(server), ...back }))
    requireNone(await fleet.ask({ kind: 'judge', missed: again }))
    await cutAll(server)
  }
  report(results)
}

function report(results: Record<string, Figures[]>): void {
  const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
  const streams = stores + users
  const bare = median((results['ZipZap, greeting'] ?? []).map(({ seconds }) => seconds))
  console.log(`${users * each} sockets of ${users} users in ${stores} stores: ${streams} streams; ${missed} missed events each, medians of ${rounds}`)
  console.log(
    '| | s | × greeting | server CPU, µs each | reads of the log | of sessions | others | resident MiB |\n| --- | --- | --- | --- | --- | --- | --- | --- |',
  )
  for (const [name, figures] of Object.entries(results)) {
    const of = (pick: (figures: Figures) => number) => median(figures.map(pick))
    const read = (table: keyof Reads) => (figures[0]?.reads ? of(({ reads }) => reads?.[table] ?? 0) : '')
    const seconds = of((each) => each.seconds)
    const cells = [
      name,
      seconds.toFixed(2),
      (seconds / bare).toFixed(2),
      of((each) => each.cpuMicrosEach).toFixed(0),
      read('log'),
      read('sessions'),
      read('other'),
      of((each) => each.mebibytes).toFixed(0),
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
  const most = Math.max(...Object.values(results).flatMap((figures) => figures.map(({ reads }) => reads?.log ?? 0)))
  const isWithin = most <= 2 * streams
  console.log(`reads of the log: at most ${most}, allowed ${2 * streams}\n ${isWithin ? 1 : 0} pass\n ${isWithin ? 0 : 1} fail`)
  if (!isWithin) process.exitCode = 1
}

try {
  await main()
} finally {
  await running?.end('SIGKILL')
  await fleet.end()
  await admin.end()
  await cluster.stop()
  rmSync(directory, { recursive: true, force: true })
}
process.exit()
