import { residentBytes } from './crowd'
import { captureFrames, Orders, replay, type Sender, senderOf } from './events'
import { enlist, type Fleet, openFleet } from './fleet'
import { cpuMicrosOf } from './process'
import type { BenchServer } from './servers'
import type { SocketAnswer } from './sockets'
import { median, round, table } from './stats'
import { type SocketGroup, wires } from './wires'

/** As many sockets as a process may hold, and more over several: all are open at once, and each event reaches each of them once. */

export type HeldOptions = { sockets: number; socketsOverWorkers: number; events: number }
export type HeldFigures = {
  sockets: number
  openSeconds: number
  bytesEach: number
  /** From the request that writes an event to the last socket that has it: the median, and the slowest event. */
  allAfterMs: number
  slowestMs: number
  cpuMicros: number
}

/** A client process has a limit of open files as well, and is to leave the server its core. */
const socketsPerFleet = 12_500
/** The kernel looks long for a free port when most of those for one address are taken. */
const hosts = Array.from({ length: 16 }, (_, index) => `127.0.0.${index + 1}`)
const patienceMs = 60_000
/** What comes twice comes later. */
const aftermathMs = 1_000

const pidsOf = ({ pid, pids = [pid] }: BenchServer) => pids
const cpuOf = (server: BenchServer) => pidsOf(server).reduce((sum, pid) => sum + cpuMicrosOf(pid), 0)

async function memoryOf(server: BenchServer): Promise<number> {
  const each = await Promise.all(pidsOf(server).map(residentBytes))
  return each.reduce((sum, bytes) => sum + bytes, 0)
}

/** What all client processes have seen together. */
async function count(fleets: Fleet[]): Promise<SocketAnswer> {
  const all = await Promise.all(fleets.map((fleet) => fleet.ask({ kind: 'count' })))
  return all.reduce((sum, one) => ({
    frames: sum.frames + one.frames,
    events: sum.events + one.events,
    fewest: Math.min(sum.fewest, one.fewest),
    most: Math.max(sum.most, one.most),
    bytes: sum.bytes + one.bytes,
    open: sum.open + one.open,
    tookMs: sum.tookMs,
  }))
}

/** One socket after another of different users, as people come: each user's first one is told to all who are there. */
function oneByOne(groups: SocketGroup[]): SocketGroup[] {
  const most = Math.max(...groups.map(({ count }) => count))
  return Array.from({ length: most }, (_, turn) => groups.filter(({ count }) => turn < count).map((group) => ({ ...group, count: 1 }))).flat()
}

async function openAll(server: BenchServer, members: SocketGroup[]): Promise<Fleet[]> {
  const wire = server.wire ?? 'zipzap'
  const fleets = Array.from({ length: Math.max(2, Math.ceil(members.length / socketsPerFleet)) }, () => openFleet())
  const shareOf = (index: number) => members.filter((_, at) => at % fleets.length === index)
  const common = { kind: 'open', port: server.port, hosts, framesEach: wires[wire].framesToOpen, wire } as const
  await Promise.all(fleets.map((fleet, index) => fleet.ask({ ...common, groups: shareOf(index) })))
  return fleets
}

/** Writes one event and resolves with the time until every socket has it; throws when one does not get it, or is closed. */
async function tellAll(server: BenchServer, send: Sender, fleets: Fleet[], sockets: number, expected: number): Promise<number> {
  const startedAt = performance.now()
  await send()
  for (;;) {
    const seen = await count(fleets)
    const tookMs = performance.now() - startedAt
    if (seen.open !== sockets) throw new Error(`${server.name}: ${seen.open} of ${sockets} sockets are open`)
    if (seen.events >= expected * sockets) return tookMs
    if (tookMs > patienceMs) throw new Error(`${server.name}: ${expected * sockets - seen.events} deliveries did not arrive`)
    await Bun.sleep(10)
  }
}

async function measureOnce(server: BenchServer, send: Sender, sockets: number, events: number): Promise<HeldFigures> {
  const members = oneByOne(await enlist(server, sockets))
  const bytesBefore = await memoryOf(server)
  const openingAt = performance.now()
  const fleets = await openAll(server, members)
  const openSeconds = (performance.now() - openingAt) / 1000
  const bytesEach = ((await memoryOf(server)) - bytesBefore) / sockets
  const cpuBefore = cpuOf(server)
  const times: number[] = []
  for (let event = 1; event <= events; event++) times.push(await tellAll(server, send, fleets, sockets, event))
  const cpuMicros = (cpuOf(server) - cpuBefore) / (events * sockets)
  await Bun.sleep(aftermathMs)
  const { open, fewest, most } = await count(fleets)
  if (open !== sockets || fewest !== events || most !== events)
    throw new Error(`${server.name}: ${open} of ${sockets} sockets are open, with ${fewest} to ${most} events instead of ${events}`)
  await Promise.all(fleets.map((fleet) => fleet.end()))
  process.stderr.write(`${server.name}: ${sockets} sockets open after ${round(openSeconds, 1)} s, an event at all after ${round(median(times))} ms\n`)
  return { sockets, openSeconds, bytesEach, allAfterMs: median(times), slowestMs: Math.max(...times), cpuMicros }
}

/** One server after another; those with workers hold more. The bytes of an event are those of ZipZap. */
export async function measureHeld(servers: BenchServer[], { sockets, socketsOverWorkers, events }: HeldOptions): Promise<Map<string, HeldFigures>> {
  const zipzap = servers.find(({ wire }) => wire === 'zipzap')
  const [group] = zipzap ? await enlist(zipzap, 1) : []
  if (!zipzap || !group) throw new Error('there is nothing to measure')
  const { notification } = await captureFrames(zipzap, group)
  const results = new Map<string, HeldFigures>()
  for (const server of servers) {
    const send = server.wire === 'zipzap' ? senderOf(server, 'notification', new Orders(server)) : replay(server, notification)
    results.set(server.name, await measureOnce(server, send, server.pids ? socketsOverWorkers : sockets, events))
  }
  return results
}

export function heldTable(figuresOf: Map<string, HeldFigures>, { events }: HeldOptions): string {
  const rows = [...figuresOf].map(([name, figures]) => [
    name,
    round(figures.sockets),
    round(figures.openSeconds, 1),
    `${round(figures.sockets * events)} of ${round(figures.sockets * events)}`,
    round(figures.allAfterMs),
    round(figures.slowestMs),
    round(figures.cpuMicros, 2),
    round(figures.bytesEach),
  ])
  return table(['', 'open sockets', 'open after s', 'delivered', 'at all after ms', 'slowest ms', 'CPU µs a delivery', 'bytes a socket'], rows)
}
