import { parseArgs } from 'node:util'
import { Arena } from './arena'
import { type ChaosPromise, chaosPromises, type Verdict } from './checker'
import type { Fault } from './fault'
import { faults } from './faults'
import { diskFull } from './machine-faults'
import { type Outcome, play } from './play'

/**
 * Real PostgreSQL, Redis, nginx and two instances, people at work, and something that goes wrong; then everything that
 * was sent and answered is held against the log.
 *
 *   bun run chaos                                 every fault, at length
 *   bun run chaos --short --lanes 2               every fault, briefly, on two installations at once; what .ci/run does
 *   bun run chaos --faults kill,rolling           these only, one after the other
 *   bun run chaos --seconds 120 --times 3         each lasts that long, and all come three times
 *   bun run chaos --table                         also prints the table of docs/reliability.md
 */

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    faults: { type: 'string' },
    seconds: { type: 'string' },
    times: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '1' },
    table: { type: 'boolean', default: false },
  },
})

function chosenFaults(): Fault[] {
  const names = values.faults?.split(',')
  const unknown = names?.filter((name) => ![...faults, diskFull].some((fault) => fault.name === name)) ?? []
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; there are ${faults.map((fault) => fault.name).join(', ')}`)
  const seconds = Number(values.seconds)
  return [...faults, diskFull]
    .filter((fault) => !names || names.includes(fault.name))
    .map((fault): Fault => (seconds > 0 ? { ...fault, seconds: [seconds, seconds] } : fault))
}

type Found = { isKept: boolean; lines: string[]; row?: string }

const brokenIn = (verdict: Verdict) => (Object.keys(verdict) as ChaosPromise[]).filter((promise) => verdict[promise].length > 0)

function judged(title: string, { verdict, figures }: Outcome, errors: string[]): Found {
  const broken = brokenIn(verdict)
  const isKept = broken.length === 0
  const told = broken.flatMap((promise) => [
    `    broken: ${chaosPromises[promise]}`,
    ...verdict[promise].slice(0, 8).map((line) => `      ${line}`),
    ...(verdict[promise].length > 8 ? [`      … ${verdict[promise].length - 8} more`] : []),
  ])
  const measured = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  return {
    isKept,
    lines: [`    ${measured.join('; ')}`, ...(isKept ? [] : [...told, ...errors])],
    row: `| ${title} | ${Object.values(figures).join(' | ')} | ${isKept ? 'kept' : '**broken**'} |`,
  }
}

/** PostgreSQL that answers a COMMIT before it is on disk, and crashes: the checker must see what is lost. */
async function negativeControl(): Promise<Found> {
  const arena = await Arena.open({ synchronous_commit: 'off', wal_writer_delay: '10s', wal_writer_flush_after: '1GB' })
  const crash: Fault = {
    name: 'lying-disk',
    title: '',
    seconds: [4, 4],
    allowance: { statuses: [503], delayMs: 60_000, answerMs: 60_000 },
    async run({ postgres }, scene) {
      // What is lost each time is the last page of the WAL, which may hold nothing that was told.
      for (let crash = 0; crash < 5; crash++) {
        await Bun.sleep(scene.seconds * 1000)
        await postgres.halt('SIGQUIT')
        await postgres.resume()
      }
    },
  }
  const { verdict } = await play(arena, crash, 'short').finally(() => arena.close())
  const lost = verdict.kept
  return { isKept: lost.length > 0, lines: [`    ${lost.length} acknowledged writes lost: ${lost[0] ?? 'none'}`] }
}

/** Where faults come one after the other: one installation, made anew when a fault could not be played to its end. */
class Lane {
  private open: Promise<Arena> | undefined

  async play(fault: Fault, length: 'short' | 'long'): Promise<Found> {
    if (fault.name === diskFull.name) return onSmallDisk(length)
    this.open ??= Arena.open()
    try {
      return await playIn(await this.open, fault, length)
    } catch (error) {
      await this.close().catch(() => {})
      throw error
    }
  }

  async close(): Promise<void> {
    const { open } = this
    this.open = undefined
    await (await open)?.close()
  }
}

async function playIn(arena: Arena, fault: Fault, length: 'short' | 'long'): Promise<Found> {
  const outcome = await play(arena, fault, length)
  const errors = await Promise.all(arena.places.map((place) => place.errors()))
  return judged(fault.title, outcome, errors.flat())
}

/** On a PostgreSQL of its own, whose disk is small enough to be filled. */
async function onSmallDisk(length: 'short' | 'long'): Promise<Found> {
  const arena = await Arena.open({ max_wal_size: '64MB', min_wal_size: '32MB' }, 300)
  return playIn(arena, diskFull, length).finally(() => arena.close())
}

type Job = { title: string; run(lane: Lane): Promise<Found> }

/** What went wrong comes before the line that says so: that is what .ci/run repeats at its end. */
async function report({ title, run }: Job, lane: Lane): Promise<Found> {
  const found = await run(lane).catch(
    (error: Error): Found => ({ isKept: false, lines: [`    it could not be played to its end: ${error.message}`] }),
  )
  console.log([...found.lines, `(${found.isKept ? 'pass' : 'fail'}) ${title}`].join('\n'))
  return found
}

async function main(): Promise<void> {
  const length = values.short ? 'short' : 'long'
  const control: Job = { title: 'control: with synchronous_commit=off a crash loses writes, and the checker says so', run: negativeControl }
  const once = chosenFaults().map((fault): Job => ({ title: fault.title, run: (lane) => lane.play(fault, length) }))
  const jobs = Array.from({ length: Number(values.times) }, () => once).flat()
  // The control first: it takes longest, and lanes should end together.
  if (!values.faults) jobs.unshift(control)
  const found: Found[] = []
  const queue = jobs.entries()
  const work = async () => {
    const lane = new Lane()
    for (const [index, job] of queue) found[index] = await report(job, lane)
    await lane.close()
  }
  await Promise.all(Array.from({ length: Number(values.lanes) }, work))
  if (values.table) console.log(`\n${found.flatMap(({ row }) => row ?? []).join('\n')}`)
  const kept = found.filter(({ isKept }) => isKept).length
  console.log(`\n ${kept} pass\n ${found.length - kept} fail\n`)
  process.exit(kept === found.length ? 0 : 1)
}

await main()
