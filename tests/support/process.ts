import { resolve } from 'node:path'
import { ApiClient } from './api'
import { keepPrinted, serverLogLevel } from './printed'

/** Servers as processes of their own, for what a test cannot see from inside: starts, ends, and what is printed. */

export type ServerProcess = {
  api: ApiClient
  base: string
  pid: number
  /** Sends a signal that does not end the process, or ends it without anybody waiting. */
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGKILL'): void
  /** Everything printed so far. */
  output(): string
  /** Resolves with what `find` finds in what was printed, as soon as it is there. */
  printed<T>(find: (output: string) => T | undefined): Promise<T>
  /** Sends the signal and resolves with the exit status when the process is gone. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number>
}

type Ended = { code: number; output: string }

const children = new Set<{ kill(signal: 'SIGKILL'): void }>()

/** Whatever a run has not ended itself ends with it. */
export function endServers(): void {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
}

const root = resolve(import.meta.dir, '../..')
const settings = { NODE_ENV: 'production', HOST: '127.0.0.1', PORT: '0', DRAIN_SECONDS: '0', RATE_LIMIT_RPS: '0' }

function launch(cwd: string, environment: Record<string, string>) {
  const child = Bun.spawn([process.execPath, '--no-env-file', 'run', resolve(root, 'server.ts')], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...settings, LOG_LEVEL: serverLogLevel(), ...environment },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  children.add(child)
  let output = ''
  const watchers = new Set<() => void>()
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true })
      for (const look of [...watchers]) look()
    }
  }
  const ended = Promise.all([child.exited, collect(child.stdout), collect(child.stderr)]).then(([code]): Ended => ({ code, output }))
  keepPrinted(() => output)
  const printed = <T>(find: (output: string) => T | undefined) =>
    new Promise<T>((found) => {
      const look = () => {
        const value = find(output)
        if (value === undefined) return
        watchers.delete(look)
        found(value)
      }
      watchers.add(look)
      look()
    })
  return { child, ended, output: () => output, printed }
}

/** The port, once the server says that it listens. */
function findPort(output: string): number | undefined {
  const line = output.split('\n').find((text) => text.includes('ZipZap is listening'))
  // JSON in production; in development the fields follow in lines of their own.
  const port = line && /"?port"?: ?(\d+)/.exec(output.slice(output.indexOf(line)))?.[1]
  return port ? Number(port) : undefined
}

/** Starts a server whose working directory is `cwd`; resolves when it listens, rejects when it ends before that. */
export async function spawnServer(cwd: string, environment: Record<string, string> = {}): Promise<ServerProcess> {
  const { child, ended, output, printed } = launch(cwd, environment)
  const early = ended.then((result) => Promise.reject(new Error(`the server ended with ${result.code}: ${result.output}`)))
  const port = await Promise.race([printed(findPort), early])
  early.catch(() => {})
  const base = `http://127.0.0.1:${port}`
  return {
    api: new ApiClient({ base, api: `${base}/api/v1` }),
    base,
    pid: child.pid,
    signal: (signal) => child.kill(signal),
    output,
    printed,
    async end(signal) {
      child.kill(signal)
      return (await ended).code
    },
  }
}

/** Starts a server that is expected to give up, and resolves with what it printed. */
export const spawnToEnd = (cwd: string, environment: Record<string, string>): Promise<Ended> => launch(cwd, environment).ended

/** One of several instances. */
export function instanceAt(servers: ServerProcess[], index: number): ServerProcess {
  const server = servers[index]
  if (!server) throw new Error(`there is no instance ${index}`)
  return server
}

export const portOf = ({ base }: Pick<ServerProcess, 'base'>): number => Number(new URL(base).port)
