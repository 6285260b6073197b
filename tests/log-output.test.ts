import { afterAll, beforeAll, expect, test } from 'bun:test'
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { LogOutput } from '~/utils/log-output'
import { spawnToEnd } from './support/process'

/** The log of a process whose reader is slow, gone, or shared with other processes. */

let cwd = ''
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'zipzap-log-'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const root = resolve(import.meta.dir, '..')

function makePipe(name: string): string {
  const path = join(cwd, name)
  Bun.spawnSync(['mkfifo', path])
  return path
}

/** Writes until the pipe takes no more. */
function fill(path: string): void {
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  const writeAsMuchAs = (bytes: number) => {
    try {
      while (writeSync(descriptor, Buffer.alloc(bytes, '\n')) > 0);
    } catch (error) {
      expect(error).toMatchObject({ code: 'EAGAIN' })
    }
  }
  for (const bytes of [4096, 1]) writeAsMuchAs(bytes)
  closeSync(descriptor)
}

/** Runs code that says something to a production log. */
function speak(code: string, stdout: number | 'pipe', name = ''): Bun.Subprocess<'ignore', number | 'pipe', 'pipe'> {
  const lines = `
    import { createLogger, logWritten } from '${root}/utils/logger'
    const logger = createLogger({ isProduction: true, logLevel: 'info' })
    ${code}`
  return Bun.spawn([process.execPath, '-e', lines, name], { stdin: 'ignore', stdout, stderr: 'pipe' })
}

const textOf = (output: ReadableStream<Uint8Array<ArrayBuffer>> | number | undefined) =>
  new Response(typeof output === 'number' ? null : output).text()

test('SIGTERM ends a server although its log is read no more', async () => {
  const path = makePipe('server')
  const stdout = openSync(path, 'r+')
  const env = { PATH: process.env.PATH ?? '', NODE_ENV: 'production', HOST: '127.0.0.1', PORT: '0', DATA_DIR: 'memory://', LOG_LEVEL: 'debug' }
  const server = Bun.spawn([process.execPath, '--no-env-file', 'run', join(root, 'server.ts')], {
    cwd,
    env,
    stdin: 'ignore',
    stdout,
    stderr: 'inherit',
  })
  try {
    const reader = Bun.spawn(['grep', '--max-count=1', 'ZipZap is listening'], { stdin: openSync(path, 'r') })
    const { port } = JSON.parse(await new Response(reader.stdout).text())
    fill(path)
    for (let request = 0; request < 3; request++) await fetch(`http://127.0.0.1:${port}/health/live`)
    server.kill('SIGTERM')
    expect(await server.exited).toBe(0)
  } finally {
    server.kill('SIGKILL')
    closeSync(stdout)
  }
}, 40_000)

test('the last words of a process are read: all lines when it ends, and why it could not start', async () => {
  const talker = speak(
    `for (let line = 1; line <= 500; line++) logger[line === 500 ? 'fatal' : 'info']({ line }, 'said')
    await logWritten()
    process.exit(0)`,
    'pipe',
  )
  const lines = (await textOf(talker.stdout)).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).line)).toEqual(lines.map((_, index) => index + 1))
  expect(lines).toHaveLength(500)
  const { code, output } = await spawnToEnd(cwd, { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
  expect([code, output.trim().split('\n').length]).toEqual([1, 1])
  expect(JSON.parse(output).msg).toBe('ZipZap could not start')
}, 20_000)

test('lines of processes that share an output are not torn, also when it was full', async () => {
  const path = makePipe('shared')
  const pipe = openSync(path, 'r+')
  fill(path)
  const code = `for (let line = 1; line <= 2000; line++) logger.info({ line, who: process.argv.at(-1) }, '-'.repeat(200))
    console.error('all said')`
  const talkers = ['a', 'b'].map((name) => speak(code, pipe, name))
  for (const talker of talkers) await talker.stderr.getReader().read()
  // Small reads: both writers wait for room again and again.
  const reader = Bun.spawn(['dd', 'bs=4096', 'status=none'], { stdin: openSync(path, 'r') })
  closeSync(pipe)
  const told = (await textOf(reader.stdout))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  for (const name of ['a', 'b']) {
    expect(told.filter(({ who }) => who === name).map(({ line }) => line)).toEqual(Array.from({ length: 2000 }, (_, index) => index + 1))
  }
}, 20_000)

test('what cannot be written is given up, and who reads later hears what is said then', async () => {
  const path = makePipe('left')
  const gone = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const pipe = openSync(path, 'w')
  closeSync(gone)
  const output = new LogOutput(pipe)
  for (let round = 0; round < 2; round++) {
    for (let count = 0; count < 7; count++) output.write(`${'-'.repeat(128 * 1024)}\n`)
    await output.written(10_000)
  }
  const reader = Bun.spawn(['cat'], { stdin: openSync(path, 'r') })
  for (let count = 0; count < 7; count++) output.write('heard\n')
  await output.written(10_000)
  closeSync(pipe)
  expect(await new Response(reader.stdout).text()).toBe('heard\n'.repeat(7))
})

test('lines that were dropped are counted where they are missing', async () => {
  const path = makePipe('counted')
  const pipe = openSync(path, 'r+')
  const output = new LogOutput(pipe)
  for (let count = 0; count < 300; count++) output.write(`${'-'.repeat(8 * 1024)}\n`)
  const reader = Bun.spawn(['cat'], { stdin: openSync(path, 'r') })
  await output.written(10_000)
  for (const word of ['after', 'all']) output.write(`${word}\n`)
  await output.written(10_000)
  closeSync(pipe)
  const lines = (await new Response(reader.stdout).text()).trim().split('\n')
  expect(lines.slice(-2)).toEqual(['after', 'all'])
  const { level, lines: dropped } = JSON.parse(lines.at(-3) ?? '')
  expect([level, dropped + lines.length - 3]).toEqual([40, 300])
})
