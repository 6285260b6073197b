import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureWrites, writeTable } from '~/bench/writes'
import { startPostgres } from '~/scripts/postgres'
import { root, startBare, startZipZap } from './servers'

/**
 *   bun run bench [--rounds 5] [--seconds 4] [--stores 8] [--embedded]
 *
 * Orders taken and moved over REST, beside a bare Hono handler with the same business SQL on the same engine: ratios
 * within a round, medians over the rounds. Prints a Markdown table and keeps the figures in bench/results.
 */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    stores: { type: 'string', default: '8' },
    embedded: { type: 'boolean', default: false },
  },
})
const options = { rounds: Number(values.rounds), seconds: Number(values.seconds), stores: Number(values.stores) }

const postgres = values.embedded ? null : await startPostgres({ durable: true })
const engine = postgres ? 'PostgreSQL' : 'PGlite'
const servers = [await startBare(postgres?.url ?? null, {}, 'bare Hono'), await startZipZap(postgres?.url ?? null)]
try {
  const figures = await measureWrites(servers, options)
  const results = join(root, 'bench/results')
  mkdirSync(results, { recursive: true })
  const at = new Date().toISOString()
  await Bun.write(
    join(results, `writes-${engine.toLowerCase()}.json`),
    JSON.stringify({ at, bun: Bun.version, engine, ...options, figures: Object.fromEntries(figures) }, null, 2),
  )
  console.log(`\n${engine}, Bun ${Bun.version}, ${options.rounds} rounds of ${options.seconds} s, ${at.slice(0, 10)}\n\n${writeTable(figures)}`)
} finally {
  await Promise.all(servers.map((server) => server.stop()))
  await postgres?.stop()
}
