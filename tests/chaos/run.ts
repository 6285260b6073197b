import { parseArgs } from 'node:util'
import { Arena } from './arena'
import { type ChaosPromise, chaosPromises } from './checker'
import type { Fault } from './fault'
import { faults } from './faults'
import { diskFull } from './machine-faults'
import { type Outcome, play } from './play'

/**
 * Real PostgreSQL, Redis, nginx and two instances, people at work, and something that goes wrong; then everything that
 * was sent and answered is held against the log.
 *
 *   bun run chaos                                 every fault, at length
 *   bun run chaos --short                         every fault, briefly; what .ci/run does
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

/** Answers whether every promise was kept. */
function print(title: string, { verdict, figures }: Outcome): boolean {
  const broken = (Object.keys(verdict) as ChaosPromise[]).filter((promise) => verdict[promise].length > 0)
  console.log(`(${broken.length === 0 ? 'pass' : 'fail'}) ${title}`)
  console.log(
    `    ${Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join('; ')}`,
  )
  for (const promise of broken) {
    console.log(`    broken: ${chaosPromises[promise]}`)
    for (const line of verdict[promise].slice(0, 8)) console.log(`      ${line}`)
    if (verdict[promise].length > 8) console.log(`      … ${verdict[promise].length - 8} more`)
  }
  return broken.length === 0
}

/** PostgreSQL that answers a COMMIT before it is on disk, and crashes: the checker must see what is lost. */
async function negativeControl(): Promise<boolean> {
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
  const isSeen = verdict.kept.length > 0
  console.log(`(${isSeen ? 'pass' : 'fail'}) control: with synchronous_commit=off a crash loses writes, and the checker says so`)
  console.log(`    ${verdict.kept.length} acknowledged writes lost: ${verdict.kept[0] ?? 'none'}`)
  return isSeen
}

/** On a PostgreSQL of its own, whose disk is small enough to be filled. */
async function onSmallDisk(length: 'short' | 'long'): Promise<Outcome> {
  const arena = await Arena.open({ max_wal_size: '64MB', min_wal_size: '32MB' }, 300)
  return play(arena, diskFull, length).finally(() => arena.close())
}

async function main(): Promise<void> {
  const chosen = chosenFaults()
  const arena = await Arena.open()
  const length = values.short ? 'short' : 'long'
  const rows: string[] = []
  let [passed, failed] = [0, 0]
  const count = (isKept: boolean) => (isKept ? passed++ : failed++)
  for (let time = 0; time < Number(values.times); time++) {
    for (const fault of chosen) {
      const outcome = await (fault.name === diskFull.name ? onSmallDisk(length) : play(arena, fault, length))
      const isKept = print(fault.title, outcome)
      count(isKept)
      if (!isKept) for (const place of arena.places) console.log((await place.errors()).join('\n'))
      rows.push(`| ${fault.title} | ${Object.values(outcome.figures).join(' | ')} | ${isKept ? 'kept' : '**broken**'} |`)
    }
  }
  await arena.close()
  if (!values.faults) count(await negativeControl())
  if (values.table) console.log(`\n${rows.join('\n')}`)
  console.log(`\n ${passed} pass\n ${failed} fail\n`)
  process.exit(failed === 0 ? 0 : 1)
}

await main()
