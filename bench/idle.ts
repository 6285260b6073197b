import { enlist, type Fleet, openFleet } from './fleet'
import { cpuMsOf } from './process'
import { inTurns } from './rounds'
import type { BenchServer } from './servers'
import { mediansOf, round, table } from './stats'
import { wires } from './wires'

/**
 * What sockets cost while nothing happens: authenticated, subscribed, asked for a sign of life and told their position at
 * each heartbeat, and answering. A second server without sockets is watched during the same time.
 */

export type IdleOptions = { rounds: number; sockets: number; idleSeconds: number }
/** User and system time, as a part of one core. */
export type IdleFigures = { coreShare: number; sockets: number }

/** Each store of the server has as many, all live. */
async function connect(server: BenchServer, sockets: number): Promise<Fleet> {
  const each = Math.ceil(sockets / server.stores.length)
  const enlisting = server.stores.map((store, index) => enlist({ ...server, stores: [store] }, Math.min(each, Math.max(0, sockets - index * each))))
  const groups = (await Promise.all(enlisting)).flat()
  const fleet = openFleet()
  await fleet.ask({ kind: 'open', port: server.port, groups, framesEach: wires.zipzap.framesToOpen })
  return fleet
}

/** The first server has the sockets; medians over the rounds. */
export async function measureIdle(servers: [BenchServer, BenchServer], options: IdleOptions): Promise<Map<string, IdleFigures>> {
  const { rounds, sockets, idleSeconds } = options
  const fleet = await connect(servers[0], sockets)
  const before = await fleet.ask({ kind: 'count' })
  // What opening them left behind is done, and most of what a heartbeat runs is compiled, in the round that warms up.
  const results = await inTurns([servers[0]], rounds, async () => {
    const cpuBefore = servers.map(({ pid }) => cpuMsOf(pid))
    const startedAt = performance.now()
    await Bun.sleep(idleSeconds * 1000)
    const tookMs = performance.now() - startedAt
    return Object.fromEntries(servers.map(({ name, pid }, index) => [name, ((cpuMsOf(pid) - (cpuBefore[index] ?? 0)) * 100) / tookMs]))
  })
  const after = await fleet.ask({ kind: 'count' })
  if (after.open < sockets) throw new Error(`${sockets - after.open} sockets were closed`)
  const beats = (after.frames - before.frames) / sockets
  process.stderr.write(`each socket was told its position ${round(beats, 1)} times\n`)
  await fleet.end()
  const percent = mediansOf(results.get(servers[0].name) ?? [])
  return new Map(servers.map(({ name }, index) => [name, { coreShare: (percent[name] ?? Number.NaN) / 100, sockets: index === 0 ? sockets : 0 }]))
}

export function idleTable(figuresOf: Map<string, IdleFigures>, { idleSeconds }: IdleOptions): string {
  const rows = [...figuresOf].map(([name, { coreShare, sockets }]) => [name, round(sockets), round(coreShare * 100, 2)])
  return table([`idle for ${idleSeconds} s`, 'sockets', '% of a core'], rows)
}
