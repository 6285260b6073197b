import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A PostgreSQL of one's own for tests and measurements: a fresh cluster in a temporary directory, on a free port of
 * the loopback interface, gone when it is stopped.
 *
 *   bun run scripts/postgres.ts                       prints its URL and runs until Ctrl-C
 *   bun run scripts/postgres.ts bun test tests        runs a command with TEST_DATABASE_URL set, and ends as it does
 */

export type ThrowawayPostgres = {
  url: string
  dataDir: string
  /** Ends the server and keeps its data: orderly (SIGINT, "fast"), or like a crash (SIGQUIT, "immediate"). */
  halt(signal: 'SIGINT' | 'SIGQUIT'): Promise<void>
  /** Starts it again on the same port. */
  resume(): Promise<void>
  /** Starts it again when it has ended by itself. */
  revive(): Promise<void>
  stop(): Promise<void>
}

type Options = {
  /** Whether a commit waits for the disk, as in production; tests do without. */
  durable?: boolean
  /** Further settings, like `{ max_connections: '50' }`. */
  settings?: Record<string, string>
  /** Where its directory is made; among the temporary ones by default. */
  parent?: string
}

/** Starts a cluster and resolves when it takes connections. Throws when PostgreSQL is not installed. */
export async function startPostgres({ durable = false, settings = {}, parent = tmpdir() }: Options = {}): Promise<ThrowawayPostgres> {
  const bin = findBinaries()
  const owner = ownerOfClusters()
  const dataDir = mkdtempSync(join(parent, 'zipzap-postgres-'))
  if (owner) chownSync(dataDir, owner.uid, owner.gid)
  const port = await freePort()
  const run = (name: string, args: string[]) => [...(owner?.prefix ?? []), join(bin, name), ...args]

  const [initdb = '', ...initdbArgs] = run('initdb', ['-D', dataDir, '-U', 'zipzap', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'])
  const made = spawnSync(initdb, initdbArgs, { cwd: '/', encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)

  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: dataDir,
    max_connections: '200',
    log_min_messages: 'warning',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...settings,
  }
  const [command = '', ...args] = run('postgres', ['-D', dataDir, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])])
  const launch = () => spawn(command, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
  let child = launch()
  const remove = () => rmSync(dataDir, { recursive: true, force: true })
  // Whatever ends this process takes the cluster with it.
  const killNow = () => {
    child.kill('SIGQUIT')
    remove()
  }
  process.once('exit', killNow)
  await untilReady(child)
  const halt = async (signal: 'SIGINT' | 'SIGQUIT') => {
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill(signal)
    await gone
  }

  const resume = async () => {
    child = launch()
    await untilReady(child)
  }

  return {
    url: `postgres://zipzap@127.0.0.1:${port}/postgres`,
    dataDir,
    halt,
    resume,
    async revive() {
      if (child.exitCode !== null || child.signalCode !== null) await resume()
    },
    async stop() {
      process.off('exit', killNow)
      await halt('SIGINT')
      remove()
    },
  }
}

function untilReady(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let log = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString()
    if (log.includes('ready to accept connections')) resolve()
    if (log.length > 65_536) log = log.slice(-4096)
  })
  child.once('error', reject)
  child.once('exit', (code) => reject(new Error(`postgres ended with ${code}: ${log}`)))
  return promise
}

/** Debian keeps the server's programs outside PATH, one directory a version; the newest is taken. */
function findBinaries(): string {
  const base = '/usr/lib/postgresql'
  const versions = readdirSafely(base).sort((a, b) => Number(b) - Number(a))
  if (versions[0]) return join(base, versions[0], 'bin')
  const onPath = Bun.which('initdb')
  if (!onPath) throw new Error('PostgreSQL is not installed: neither /usr/lib/postgresql/*/bin nor initdb on PATH')
  return join(onPath, '..')
}

function readdirSafely(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

/** PostgreSQL refuses to run as root: there it runs as `postgres`, or as `nobody` where that user is missing. */
function ownerOfClusters(): { uid: number; gid: number; prefix: string[] } | null {
  if (process.getuid?.() !== 0) return null
  const idOf = (user: string, flag: '-u' | '-g') => spawnSync('id', [flag, user], { encoding: 'utf8' })
  const user = idOf('postgres', '-u').status === 0 ? 'postgres' : 'nobody'
  const uid = Number(idOf(user, '-u').stdout)
  const gid = Number(idOf(user, '-g').stdout)
  return { uid, gid, prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] }
}

export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const server = createServer()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no free port'))))
  })
  return promise
}

async function main([command, ...args]: string[]): Promise<void> {
  const cluster = await startPostgres()
  if (!command) {
    console.log(cluster.url)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void cluster.stop().then(() => process.exit(0)))
    return
  }
  // `bun` in the command is this very program, which need not be on PATH.
  const program = command === 'bun' ? process.execPath : command
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, TEST_DATABASE_URL: cluster.url } })
  const code = await new Promise<number>((resolve) => child.once('exit', (status) => resolve(status ?? 1)))
  await cluster.stop()
  process.exit(code)
}

if (import.meta.main) await main(process.argv.slice(2))
