import { readFileSync } from 'node:fs'
import { enlist, openFleet, post, storeOf } from './fleet'
import { cpuMsOf } from './process'
import type { BenchServer } from './servers'
import { median, round, table } from './stats'

/** Ten thousand sockets that do nothing, and what it takes to get them back after all of them were cut. */

export type CrowdOptions = { rounds: number; sockets: number; idleSeconds: number }
export type CrowdFigures = {
  bytesEach: number
  idleCpuMsPerSecond: number
  connectMicros: number
  /** Cut, missed events, back again: until everyone has all of them and is live. */
  backSeconds: number
  backCpuMicros: number
}

export const missedEvents = 20
/** The greeting, the answer to authenticate, the missed events, and that it is live. */
const framesBack = 3 + missedEvents

/** Sockets that are there before: what the first ones bring into memory, such as compiled code, is not what one more takes. */
const firstSockets = 1_000

async function measureOnce(server: BenchServer, { sockets, idleSeconds }: CrowdOptions): Promise<CrowdFigures> {
  const isZipZap = storeOf(server) !== undefined
  const framesEach = isZipZap ? 3 : 0
  const first = openFleet()
  await first.ask({ kind: 'open', port: server.port, groups: await enlist(server, firstSockets), framesEach })
  const groups = await enlist(server, sockets)
  const bytesBefore = await residentBytes(server.pid)
  const fleet = openFleet()
  const cpuBefore = cpuMsOf(server.pid)
  await fleet.ask({ kind: 'open', port: server.port, groups, framesEach })
  const connectMicros = ((cpuMsOf(server.pid) - cpuBefore) * 1000) / sockets
  const bytesEach = ((await residentBytes(server.pid)) - bytesBefore) / sockets
  const idleBefore = cpuMsOf(server.pid)
  await Bun.sleep(idleSeconds * 1000)
  const idleCpuMsPerSecond = (cpuMsOf(server.pid) - idleBefore) / idleSeconds

  await first.ask({ kind: 'cut' })
  await first.end()
  const position = isZipZap ? await positionOf(server) : null
  await fleet.ask({ kind: 'cut' })
  if (isZipZap) for (let event = 0; event < missedEvents; event++) await post(server, '/notifications', { message: 'x'.repeat(28), level: 'info' })
  const backCpuBefore = cpuMsOf(server.pid)
  const resume = position && { [position.stream]: { epoch: position.epoch, seq: position.seq } }
  const { tookMs } = await fleet.ask({ kind: 'open', port: server.port, groups, framesEach: isZipZap ? framesBack : 0, ...(resume && { resume }) })
  const figures = {
    bytesEach,
    idleCpuMsPerSecond,
    connectMicros,
    backSeconds: tookMs / 1000,
    backCpuMicros: ((cpuMsOf(server.pid) - backCpuBefore) * 1000) / sockets,
  }
  await fleet.ask({ kind: 'cut' })
  await fleet.end()
  return figures
}

/** Anonymous memory of a process after a garbage collection. */
export async function residentBytes(pid: number): Promise<number> {
  for (let round = 0; round < 3; round++) {
    process.kill(pid, 'SIGUSR2')
    await Bun.sleep(400)
  }
  return Number(/^Anonymous:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]) * 1024
}

async function positionOf(server: BenchServer): Promise<{ stream: string; epoch: string; seq: number }> {
  const store = storeOf(server)
  const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/stores/${store?.storeId}/snapshot`, {
    headers: { Authorization: `Bearer ${store?.token}` },
  })
  return ((await response.json()) as { data: { position: { stream: string; epoch: string; seq: number } } }).data.position
}

export async function measureCrowd(servers: BenchServer[], options: CrowdOptions): Promise<Map<string, CrowdFigures>> {
  const results = new Map<string, CrowdFigures[]>(servers.map((server) => [server.name, []]))
  for (let number = 1; number <= options.rounds; number++) {
    for (const server of number % 2 ? servers : [...servers].reverse()) {
      const figures = await measureOnce(server, options)
      results.get(server.name)?.push(figures)
      process.stderr.write(
        `round ${number} ${server.name}: ${round(figures.bytesEach)} bytes a socket, all back in ${round(figures.backSeconds, 2)} s\n`,
      )
    }
  }
  return new Map(
    [...results].map(([name, rounds]) => {
      const of = (field: keyof CrowdFigures) => median(rounds.map((figures) => figures[field]))
      const { bytesEach = 0 } = rounds[0] ?? {}
      // Memory that a process once had is kept for the next round: only the first one tells what sockets take.
      return [
        name,
        {
          bytesEach,
          idleCpuMsPerSecond: of('idleCpuMsPerSecond'),
          connectMicros: of('connectMicros'),
          backSeconds: of('backSeconds'),
          backCpuMicros: of('backCpuMicros'),
        },
      ]
    }),
  )
}

export function crowdTable(figuresOf: Map<string, CrowdFigures>, { sockets }: CrowdOptions): string {
  const rows = [...figuresOf].map(([name, figures]) => [
    name,
    round(figures.bytesEach),
    round(figures.idleCpuMsPerSecond, 1),
    round(figures.connectMicros),
    round(figures.backSeconds, 2),
    round(figures.backCpuMicros),
  ])
  return table([`${round(sockets)} sockets`, 'bytes each', 'idle CPU ms/s', 'CPU µs to connect', 'all back, s', 'CPU µs each'], rows)
}
