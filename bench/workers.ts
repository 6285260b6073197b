import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '~/scripts/postgres'
import { type BenchServer, bun, end, furnish, launch, ownData, postTo, root, settings } from './servers'

/** The compared servers as several processes on one port, which share its connections as the kernel deals them out. */

/** Listens on all loopback addresses: each has client ports of its own. */
export const everywhere = { HOST: '0.0.0.0' }

/** Bun's own publish; each process is told of each event by itself. */
export async function startPublishWorkers(count: number): Promise<BenchServer> {
  const port = await freePort()
  const starting = Array.from({ length: count }, () => launch('bare Bun', bun('bench/peers/bare-publish.ts'), { ...everywhere, PORT: String(port) }))
  const all = await Promise.all(starting)
  const tell = all.map(({ said }) => postTo(Number(said.ownPort)))
  const pids = all.map(({ child }) => child.pid)
  const publish = (frame: string) => Promise.all(tell.map((post) => post(frame)))
  const stop = async () => void (await Promise.all(all.map(({ child }) => end(child))))
  return { name: `bare Bun, ${count} processes`, pid: pids[0] ?? 0, pids, port, wire: 'plain', stores: [], publish, stop }
}

/** The real server with `WORKERS`. */
export async function startZipZapWorkers(postgresUrl: string, count: number, environment: Record<string, string>): Promise<BenchServer> {
  const data = await ownData(postgresUrl)
  const port = await freePort()
  const all = { ...settings, ...data.environment, ...environment, ...everywhere, PORT: String(port), WORKERS: String(count), DRAIN_SECONDS: '0' }
  const collecting = { BUN_OPTIONS: `--preload=${join(root, 'bench/collect.ts')}` }
  const { child } = await launch('ZipZap', bun('server.ts'), { ...all, ...collecting }, 'all workers are ready')
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number)
  if (children.length !== count) throw new Error(`there are ${children.length} workers`)
  const stop = async () => {
    const ended = child.exited
    // The supervisor's own end takes its workers with it; killed, it could not.
    child.kill('SIGTERM')
    await ended
    await end(child)
    data.remove()
  }
  return { name: `ZipZap, WORKERS=${count}`, pid: children[0] ?? 0, pids: children, port, wire: 'zipzap', stores: await furnish(port), stop }
}
