import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { freePort } from '~/scripts/postgres'
import { systemEnvironment } from '../support/system'

/** Redis and nginx as processes of their own, on free ports of the loopback interface. */

export type Engine = {
  port: number
  signal(signal: NodeJS.Signals): void
  start(): Promise<void>
  /** Resolves when the process is gone. */
  end(signal: 'SIGTERM' | 'SIGKILL' | 'SIGQUIT'): Promise<void>
}

function engine(port: number, command: string[]): Engine {
  const launch = () => Bun.spawn(command, { env: systemEnvironment(), stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
  let child: ReturnType<typeof launch> | undefined
  // Whatever ends this process takes the engine with it.
  process.once('exit', () => child?.kill('SIGKILL'))
  return {
    port,
    signal: (signal) => child?.kill(signal),
    async start() {
      child = launch()
      while (!(await accepts(port))) {
        if (child.exitCode !== null) throw new Error(`${command[0]} ended with ${child.exitCode}`)
        await Bun.sleep(20)
      }
    },
    async end(signal) {
      child?.kill(signal)
      await child?.exited
    },
  }
}

/** Whether something takes connections there. */
function accepts(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      answer(true)
    })
    socket.on('error', () => answer(false))
  })
}

export async function startRedis(): Promise<Engine> {
  const port = await freePort()
  const redis = engine(port, ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'])
  await redis.start()
  return redis
}

/** Debian's own belong to root, and as root its workers could not enter this directory. */
const temporaryPaths = (directory: string): string =>
  process.getuid?.() === 0
    ? ''
    : ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${join(directory, name)};`).join('\n')

/** nginx as deploy/nginx.conf has it, save for addresses, a pid file of its own, and a shorter life of old workers. */
export async function startNginx(directory: string, instancePorts: number[]): Promise<Engine> {
  const port = await freePort()
  const original = await Bun.file(resolve(import.meta.dir, '../../deploy/nginx.conf')).text()
  let index = 0
  const configuration = original
    .replace(/server app\d:8000/g, () => `server 127.0.0.1:${instancePorts[index++ % instancePorts.length]}`)
    .replace('listen 8080', `listen 127.0.0.1:${port}`)
    .replace('/tmp/nginx.pid', join(directory, 'nginx.pid'))
    .replace('worker_shutdown_timeout 60s', 'worker_shutdown_timeout 1s')
    .replace('worker_processes auto', 'worker_processes 2')
    .replace('/dev/stderr', join(directory, 'nginx.log'))
    .replace('http {', `http {\n${temporaryPaths(directory)}`)
  const path = join(directory, 'nginx.conf')
  await Bun.write(path, configuration)
  const nginx = engine(port, ['nginx', '-c', path, '-g', 'daemon off;'])
  await nginx.start()
  return nginx
}
