import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '~/scripts/postgres'
import { installPeers, peersFolder } from './peer-packages'
import { type BenchServer, end, endWithUs, launch, ownData, postTo, type Store } from './servers'
import type { WireName } from './wires'

/**
 * The rivals from public packages, each as its users would write it. What is not on this machine is left out, and
 * a line says so.
 */

/** What delivers ready-made frames to everybody: Node's ws, Socket.IO, nchan and NATS. */
export async function startRivals(): Promise<BenchServer[]> {
  const starting = [startNode('Node ws', 'ws.mjs', 'plain'), startNode('Socket.IO', 'socket-io.mjs', 'socket.io'), startNchan(), startNats()]
  return (await Promise.all(starting)).filter((server) => server !== null)
}

function leftOut(name: string, why: string): null {
  process.stderr.write(`${name} is left out: ${why}\n`)
  return null
}

/** Whether Node and its packages are there. */
async function hasNode(name: string): Promise<boolean> {
  if (!Bun.which('node')) {
    leftOut(name, 'there is no node on PATH')
    return false
  }
  if (await installPeers()) return true
  leftOut(name, 'its packages could not be installed into bench/peers')
  return false
}

async function startNode(name: string, script: string, wire: WireName): Promise<BenchServer | null> {
  if (!(await hasNode(name))) return null
  const { child, said } = await launch(name, ['node', join(peersFolder, script)], { NODE_ENV: 'production' })
  return { name, pid: child.pid, port: said.port, wire, stores: [], publish: postTo(said.port), stop: () => end(child) }
}

/** Express, pg and Socket.IO on an empty database of their own. */
export async function startNodeStack(postgresUrl: string): Promise<BenchServer | null> {
  const name = 'node stack'
  if (!(await hasNode(name))) return null
  const data = await ownData(postgresUrl)
  const { child, said } = await launch(name, ['node', join(peersFolder, 'node-stack.mjs')], { NODE_ENV: 'production', ...data.environment })
  return { name, pid: child.pid, port: said.port, wire: 'socket.io', stores: said.stores as Store[], stop: () => end(child).then(data.remove) }
}

/** Runs a program with a configuration of its own in a directory of its own, until it takes connections. */
async function startConfigured(program: string, configuration: string, port: number, args: (directory: string, file: string) => string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'zipzap-bench-'))
  const file = join(directory, 'configuration')
  await Bun.write(file, configuration)
  const child = Bun.spawn([program, ...args(directory, file)], { stdout: 'ignore', stderr: 'ignore' })
  endWithUs(child)
  const stop = async () => {
    await end(child)
    rmSync(directory, { recursive: true, force: true })
  }
  const deadline = performance.now() + 5_000
  for (;;) {
    const isThere = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } }).then(
      (socket) => {
        socket.end()
        return true
      },
      () => false,
    )
    if (isThere) return { pid: child.pid, stop }
    if (performance.now() > deadline) {
      await stop()
      throw new Error(`${program} does not take connections`)
    }
    await Bun.sleep(50)
  }
}

const nchanModule = '/usr/lib/nginx/modules/ngx_nchan_module.so'

async function startNchan(): Promise<BenchServer | null> {
  const name = 'nchan'
  const nginx = Bun.which('nginx', { PATH: `${process.env.PATH}:/usr/sbin` })
  if (!nginx || !existsSync(nchanModule)) return leftOut(name, 'apt-get install libnginx-mod-nchan')
  const port = await freePort()
  const configuration = `
    load_module ${nchanModule};
    daemon off;
    master_process off;
    worker_rlimit_nofile 20000;
    pid nginx.pid;
    error_log stderr emerg;
    events { worker_connections 19000; }
    http {
      access_log off;
      client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
      nchan_shared_memory_size 256M;
      nchan_message_buffer_length 10000;
      server {
        listen 127.0.0.1:${port};
        location = / { nchan_publisher; nchan_channel_id all; }
        location = /ws { nchan_subscriber websocket; nchan_channel_id all; nchan_subscriber_first_message newest; }
      }
    }`
  const server = await startConfigured(nginx, configuration, port, (directory, file) => ['-p', directory, '-c', file])
  return { name, port, wire: 'plain', stores: [], publish: postTo(port), ...server }
}

async function startNats(): Promise<BenchServer | null> {
  const name = 'NATS'
  const program = Bun.which('nats-server', { PATH: `${process.env.PATH}:/usr/sbin` })
  if (!program) return leftOut(name, 'apt-get install nats-server')
  const [tcpPort, port] = [await freePort(), await freePort()]
  const configuration = `
    host: 127.0.0.1
    port: ${tcpPort}
    ping_interval: "10m"
    websocket { host: "127.0.0.1", port: ${port}, no_tls: true }`
  const server = await startConfigured(program, configuration, port, (_, file) => ['-c', file])
  return { name, port, wire: 'nats', stores: [], publish: await natsPublisher(tcpPort), ...server }
}

/** Publishes on one connection; each message is acknowledged, in order. */
async function natsPublisher(port: number): Promise<(frame: string) => Promise<unknown>> {
  const waiting: (() => void)[] = []
  let received = ''
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data(_, chunk) {
        received += chunk.toString('latin1')
        const lines = received.split('\r\n')
        received = lines.pop() ?? ''
        for (const line of lines) {
          if (line === 'PING') socket.write('PONG\r\n')
          if (line === '+OK') waiting.shift()?.()
        }
      },
    },
  })
  const isAcknowledged = () => new Promise<void>((resolve) => waiting.push(resolve))
  socket.write('CONNECT {"verbose":true}\r\n')
  await isAcknowledged()
  return (frame) => {
    socket.write(`PUB all ${Buffer.byteLength(frame)}\r\n${frame}\r\n`)
    return isAcknowledged()
  }
}
