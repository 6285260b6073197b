import { appendFileSync, existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Fault, killBackends, placeAt, seconds, slowAnswerMs, untilReady } from './fault'

/** What goes wrong with the machines themselves. */

const faketime = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`
/** More than the disk of a run has. */
const maxBallastBytes = 1_000_000_000

/** The second instance lives in another hour: sessions, positions and limits go by the database's clock. */
export const clock: Fault = {
  name: 'clock',
  title: "an instance's clock is an hour ahead, then an hour behind",
  seconds: [8, 60],
  allowance: { statuses: [], delayMs: 10_000 },
  async run(arena, scene) {
    if (!existsSync(faketime)) throw new Error('faketime has to be installed')
    const place = placeAt(arena, 1)
    for (const shift of ['+1h', '-1h']) {
      await place.end('SIGTERM')
      await place.start({ LD_PRELOAD: faketime, FAKETIME: shift, FAKETIME_DONT_FAKE_MONOTONIC: '1' })
      await untilReady(place)
      const told = Date.parse((await place.api.get('/health')).headers.get('date') ?? '')
      if (Math.abs(told - Date.now()) < 3_000_000) throw new Error('its clock is right')
      await seconds(scene.seconds / 2)
    }
    await place.end('SIGTERM')
    await place.start()
    await untilReady(place)
  },
}

/** New connections, to it and from it, cannot be opened; those that are open go on. */
export const descriptors: Fault = {
  name: 'descriptors',
  title: 'an instance has no file descriptor left',
  seconds: [8, 30],
  allowance: { statuses: [0, 502, 503, 504], delayMs: 20_000, answerMs: 40_000 },
  async run(arena, scene) {
    const place = placeAt(arena, 0)
    const pid = await place.pid()
    const usual = await descriptorLimit(pid)
    // Below every number that is free: nothing at all can be opened.
    limitDescriptors(pid, '10')
    await killBackends(arena, ['zipzap'])
    await seconds(scene.seconds)
    limitDescriptors(pid, usual)
  },
}

async function descriptorLimit(pid: number): Promise<string> {
  const [, soft] = /^Max open files +(\d+)/m.exec(await Bun.file(`/proc/${pid}/limits`).text()) ?? []
  if (!soft) throw new Error('the limit cannot be read')
  return soft
}

function limitDescriptors(pid: number, soft: string): void {
  const { exitCode, stderr } = Bun.spawnSync(['prlimit', '--pid', String(pid), `--nofile=${soft}:`])
  if (exitCode !== 0) throw new Error(`prlimit: ${stderr}`)
}

export const diskFull: Fault = {
  name: 'disk-full',
  title: "PostgreSQL's disk is full, and is freed again",
  seconds: [10, 40],
  allowance: { statuses: [503], delayMs: 40_000, answerMs: slowAnswerMs },
  async run({ postgres }, scene) {
    const free = fillDisk(postgres.dataDir)
    await seconds(scene.seconds)
    free()
    // Without room for its WAL it may have given up.
    await postgres.revive()
  },
}

/** Takes what is left on the file system of that directory, and goes on taking; answers how it is given back. */
function fillDisk(directory: string): () => void {
  const path = join(directory, 'ballast')
  const block = Buffer.alloc(65_536)
  const fill = () => {
    try {
      while (true) appendFileSync(path, block)
    } catch {
      // Full.
    }
  }
  fill()
  if (statSync(path).size > maxBallastBytes) throw new Error('this is not the small disk that it should be')
  const timer = setInterval(fill, 200)
  return () => {
    clearInterval(timer)
    rmSync(path)
  }
}
