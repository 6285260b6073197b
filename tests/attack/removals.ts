import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startPostgres } from '~/scripts/postgres'
import { allRemovals } from './removals/all'
import type { Change, Removal } from './removals/removal'

/**
 * Takes one defence after the other out of a copy of this tree, runs the checks that rest on it there, and expects each
 * of them to fail, while an honest request is still served. A check that passes all the same proves nothing.
 *
 *   bun run attack:removals                all of them, two at a time
 *   bun run attack:removals 'the cookie'   those whose description, file or checks mention it
 */

const root = resolve(import.meta.dir, '../..')
const honest = 'an honest till is served'
const atOnce = 2
/** What a server, its tests and their helpers import. */
const needed = /^(controllers|db|realtime|routes|utils|ui|workers|tests|scripts|server\.ts|package\.json|tsconfig\.json|bunfig\.toml|deploy)(\/|$)/

export async function applyChange(tree: string, { file, text, by }: Change): Promise<void> {
  const path = join(tree, file)
  const before = await Bun.file(path).text()
  if (before.split(text).length !== 2) throw new Error(`${file} does not hold this once: ${text}`)
  await Bun.write(
    path,
    before.replace(text, () => by),
  )
}

function copyTree(): string {
  const tree = mkdtempSync(join(tmpdir(), 'zipzap-removal-'))
  for (const entry of new Bun.Glob('*').scanSync({ cwd: root, onlyFiles: false, dot: false })) {
    if (needed.test(entry)) cpSync(join(root, entry), join(tree, entry), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  return tree
}

/** A pattern for `-t` that matches these titles alone. */
const patternOf = (titles: string[]) => `^ ?(${titles.map((title) => title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})$`

/** The titles that failed and that passed, of the checks asked for. */
async function runChecks(tree: string, titles: string[], databaseUrl: string): Promise<{ passed: string[]; failed: string[]; output: string }> {
  const child = Bun.spawn([process.execPath, 'test', '--timeout', '30000', './tests/attack', '-t', patternOf(titles)], {
    cwd: tree,
    env: { ...process.env, TEST_DATABASE_URL: databaseUrl },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited])
  const output = stdout + stderr
  const named = (kind: string) => [...output.matchAll(new RegExp(`^\\(${kind}\\) (.+?)(?: \\[[\\d.]+m?s\\])?$`, 'gm'))].map((match) => match[1] ?? '')
  return { passed: named('pass'), failed: [...new Set(named('fail'))], output }
}

/** What is wrong with a removal; empty when each of its checks failed. */
async function judge(removal: Removal, databaseUrl: string): Promise<string[]> {
  const tree = copyTree()
  try {
    for (const change of [removal, ...(removal.also ?? [])]) await applyChange(tree, change)
    const { passed, failed, output } = await runChecks(tree, [honest, ...removal.red], databaseUrl)
    const faults = removal.red.filter((title) => !failed.includes(title)).map((title) => `still green: ${title}`)
    if (!passed.includes(honest)) faults.push(`the server does not even serve an honest till:\n${output.slice(-2_000)}`)
    return faults
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

async function main(wanted: string | undefined): Promise<void> {
  const chosen = allRemovals.filter((removal) => !wanted || JSON.stringify(removal).includes(wanted))
  const postgres = await startPostgres()
  const left = [...chosen.entries()]
  let failures = 0
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const [, removal] = next
      const faults = await judge(removal, postgres.url).catch((error: unknown) => [String(error)])
      failures += faults.length > 0 ? 1 : 0
      console.log(`(${faults.length > 0 ? 'fail' : 'pass'}) without ${removal.without}: ${removal.red.length} red`)
      for (const fault of faults) console.log(`    ${fault}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  await postgres.stop()
  const checks = new Set(chosen.flatMap((removal) => removal.red))
  // The counting of `.ci/run` reads these two lines.
  console.log(`\n ${chosen.length - failures} pass\n ${failures} fail`)
  console.log(`${checks.size} checks were held against a build without their defence`)
  process.exit(failures > 0 ? 1 : 0)
}

if (import.meta.main) await main(process.argv[2])
