import { readFileSync } from 'node:fs'
import type { BenchServer } from './servers'
import { type Figures, round } from './stats'

/**
 * Where the host takes more of the machine's time away than this (steal), its other guests slow down what is left as well: CPU
 * time a request was seen to grow by half, and not for all servers alike.
 */
const tolerableSteal = 0.02

/** How many there may be of so many rounds, with the one that warms up. */
export const mostRounds = (rounds: number): number => 1 + rounds + Math.ceil(rounds / 2)

type Round<Result> = { steal: number; results: Map<string, Result> }

/**
 * Measures every server in each round, the order turned round from one to the next, so that what else the machine does
 * hits all alike. A first round, which warms everything up, does not count. A round in which the host took too much away is
 * measured again, up to half as many as asked for; then the calmest count.
 */
export async function inRounds<Result>(
  servers: BenchServer[],
  rounds: number,
  measure: (server: BenchServer, isWarmup: boolean) => Promise<Result>,
  told: (result: Result) => string,
): Promise<Map<string, Result[]>> {
  const measured: Round<Result>[] = []
  const calm = () => measured.filter(({ steal }) => steal <= tolerableSteal).length
  for (let number = 0; calm() < rounds && number < mostRounds(rounds); number++) {
    const stealOf = stealMeter()
    const results = new Map<string, Result>()
    for (const server of number % 2 ? [...servers].reverse() : servers) {
      const result = await measure(server, number === 0)
      results.set(server.name, result)
      process.stderr.write(`${number === 0 ? 'warm-up' : `round ${number}`} ${server.name}: ${told(result)}\n`)
    }
    const steal = stealOf()
    process.stderr.write(`  the host took ${round(steal * 100, 1)} %\n`)
    if (number > 0) measured.push({ steal, results })
  }
  const limit = measured.map(({ steal }) => steal).sort((a, b) => a - b)[rounds - 1] ?? 0
  const counted = measured.filter(({ steal }) => steal <= limit).slice(0, rounds)
  return new Map(servers.map(({ name }) => [name, counted.map(({ results }) => results.get(name) as Result)]))
}

/** The same, where a measurement gives figures by name. */
export const inTurns = (servers: BenchServer[], rounds: number, measure: (server: BenchServer, isWarmup: boolean) => Promise<Figures>) =>
  inRounds(servers, rounds, measure, (figures) =>
    Object.entries(figures)
      .map(([name, value]) => `${name} ${round(value, 2)}`)
      .join(', '),
  )

/** Starts to count; answers which part of all processors' time the host has given to others since. */
function stealMeter(): () => number {
  const before = processorTimes()
  return () => {
    const { steal, total } = processorTimes()
    // Some sandboxes tell of no times at all.
    return total > before.total ? (steal - before.steal) / (total - before.total) : 0
  }
}

/** In ticks, as `/proc/stat` tells them (proc(5)): user, nice, system, idle, iowait, irq, softirq and steal. */
function processorTimes() {
  const times = readFileSync('/proc/stat', 'latin1').split('\n')[0]?.trim().split(/\s+/).slice(1, 9).map(Number) ?? []
  return { steal: times[7] ?? 0, total: times.reduce((sum, time) => sum + time, 0) }
}
