import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { ApiClient } from './api'
import type { ControlAnswer, ControlRequest } from './controlled-server'
import { noteFault } from './faults'
import { printedFile, serverLogLevel } from './printed'

/**
 * A server in a process of its own that a test may stall, kill and start again on the same data, and whose database it
 * can change behind the server's back.
 */
export class ControlledServer {
  private holds = 0

  private constructor(
    private readonly data: OwnData,
    private readonly environment: Record<string, string>,
    private running: Running,
  ) {}

  static async start(environment: Record<string, string> = {}): Promise<ControlledServer> {
    const data = await ownData()
    return new ControlledServer(data, environment, await launch({ ...data.environment, ...environment }))
  }

  get port(): number {
    return this.running.port
  }

  get pid(): number {
    return this.running.child.pid
  }

  get origin(): { base: string; api: string } {
    const base = `http://127.0.0.1:${this.port}`
    return { base, api: `${base}/api/v1` }
  }

  api(token?: string): ApiClient {
    return new ApiClient(this.origin, token)
  }

  /** Runs a statement in the server's database. The caller vouches for the rows' shape. */
  async sql<Row>(text: string): Promise<Row[]> {
    return (await this.running.ask({ kind: 'sql', text })) as Row[]
  }

  /** Takes the database's answers about streams and events away, in the order of all who want them; see `Hold`. */
  hold(): Hold {
    const { running } = this
    const name = ++this.holds
    const isHeld = running.ask({ kind: 'hold', name }).then(() => {})
    return { isHeld, release: () => running.ask({ kind: 'release', name }).then(() => {}) }
  }

  /** For so long the database answers nothing about streams and events. */
  async stall(ms: number): Promise<void> {
    const hold = this.hold()
    await hold.isHeld
    await Bun.sleep(ms)
    await hold.release()
  }

  /** Whatever was sent to the server before has been read by it: it reads its sockets in turn. */
  async heard(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await this.api().get('/health/live')
  }

  /** Resident bytes of the process after a garbage collection. */
  async memory(): Promise<number> {
    return (await this.running.ask({ kind: 'memory' })) as number
  }

  /** kill -9, and a new process on the same data; the port changes. */
  async restart(): Promise<void> {
    await this.running.kill()
    this.running = await launch({ ...this.data.environment, ...this.environment })
  }

  async stop(): Promise<void> {
    await this.running.kill()
    await this.data.remove()
  }
}

/** `isHeld` resolves when its turn has come: all that was asked before is answered, and nothing after it is. */
export type Hold = { isHeld: Promise<void>; release(): Promise<void> }

let shared: Promise<ControlledServer> | undefined

/** The one that tests share: its heart beats quickly, and little may wait unread. */
export function controlledServer(): Promise<ControlledServer> {
  shared ??= ControlledServer.start({ WS_HEARTBEAT_MS: '250', WS_MAX_BUFFERED_BYTES: '65536' })
  return shared
}

export async function stopControlledServer(): Promise<void> {
  const server = await shared
  shared = undefined
  await server?.stop()
}

type OwnData = { environment: Record<string, string>; remove(): Promise<void> }

/** A fresh database: a directory of its own, or with TEST_DATABASE_URL a database of its own on that server. */
async function ownData(): Promise<OwnData> {
  const url = process.env.TEST_DATABASE_URL
  if (!url) {
    const directory = mkdtempSync(join(tmpdir(), 'zipzap-controlled-'))
    return { environment: { DATA_DIR: directory }, remove: async () => rmSync(directory, { recursive: true, force: true }) }
  }
  const name = `zipzap_${crypto.randomUUID().slice(0, 8)}`
  const administer = async (statement: string) => {
    const admin = postgres(url, { max: 1, onnotice: () => {} })
    await admin.unsafe(statement)
    await admin.end()
  }
  await administer(`create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return { environment: { DATABASE_URL: own.href }, remove: () => administer(`drop database ${name} with (force)`) }
}

type Running = Awaited<ReturnType<typeof launch>>

const settings = { NODE_ENV: 'test', HOST: '127.0.0.1', PORT: '0', RATE_LIMIT_RPS: '0', DRAIN_SECONDS: '0' }

async function launch(environment: Record<string, string>) {
  const started = Promise.withResolvers<number>()
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const printed = printedFile()
  let asked = 0
  const child = Bun.spawn([process.execPath, '--no-env-file', 'run', resolve(import.meta.dir, 'controlled-server.ts')], {
    cwd: resolve(import.meta.dir, '../..'),
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...settings, LOG_LEVEL: serverLogLevel(), ...environment },
    stdin: 'ignore',
    stdout: printed.descriptor,
    stderr: printed.descriptor,
    ipc(message: ControlAnswer | { port: number }) {
      if ('port' in message) return started.resolve(message.port)
      const asker = waiting.get(message.id)
      waiting.delete(message.id)
      if (message.error) asker?.reject(new Error(message.error))
      else asker?.resolve(message.value)
    },
  })
  let isKilled = false
  void child.exited.then((code) => {
    printed.close()
    const lastWords = isKilled ? '' : `: ${printed.read().toString().slice(-2_000)}`
    const gone = new Error(`the server ended with ${child.signalCode ?? code}${lastWords}`)
    if (!isKilled) noteFault(`${gone.message}, and nobody had killed it`)
    started.reject(gone)
    for (const asker of waiting.values()) asker.reject(gone)
  })
  const port = await started.promise
  return {
    child,
    port,
    ask(request: ControlRequest): Promise<unknown> {
      const answered = Promise.withResolvers<unknown>()
      waiting.set(++asked, answered)
      child.send({ id: asked, ...request })
      return answered.promise
    },
    async kill(): Promise<void> {
      isKilled = child.exitCode === null
      child.kill('SIGKILL')
      await child.exited
    },
  }
}
