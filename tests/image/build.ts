import { existsSync, realpathSync, statSync } from 'node:fs'
import { join, posix, resolve } from 'node:path'
import { execForm, type Instruction, readDockerfile, type Stage } from './dockerfile'
import type { Rooms } from './rooms'

/**
 * Does what the Dockerfile says, step by step, without Docker: each stage is a root file system of its own that begins as
 * what `oven/bun` is, a Debian with Bun and a user of that name.
 */

export type Image = { room: string; env: Record<string, string>; cwd: string; user: string; command: string[]; healthCheck: string[] }

const project = resolve(import.meta.dir, '../..')
const base = 'base'
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export async function buildImage(rooms: Rooms): Promise<Image> {
  await makeBase(rooms)
  const stages = readDockerfile(await Bun.file(join(project, 'Dockerfile')).text())
  const built = new Map<string, Image>()
  let last: Image | undefined
  for (const [index, stage] of stages.entries()) {
    last = await buildStage(rooms, stage, `stage-${index}`, built)
    if (stage.name) built.set(stage.name, last)
  }
  if (!last) throw new Error('the Dockerfile has no stage')
  return last
}

/** The programs and the user of `oven/bun`. */
async function makeBase(rooms: Rooms): Promise<void> {
  await rooms.debootstrap(base)
  await rooms.run(['install', '-m', '755', realpathSync(process.execPath), rooms.path(`${base}/usr/local/bin/bun`)])
  const root = { env: { PATH: path }, cwd: '/', user: 'root', isSealed: false }
  await rooms.runIn(base, ['groupadd', 'bun', '--gid', '1000'], root)
  await rooms.runIn(base, ['useradd', 'bun', '--uid', '1000', '--gid', 'bun', '--shell', '/bin/sh', '--create-home'], root)
}

async function buildStage(rooms: Rooms, stage: Stage, room: string, built: Map<string, Image>): Promise<Image> {
  if (stage.image !== `oven/bun:${Bun.version}-slim`) throw new Error(`the image is ${stage.image}, and this is Bun ${Bun.version}`)
  await rooms.copy(rooms.path(base), rooms.path(room))
  const image: Image = {
    room,
    env: { PATH: path, BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0' },
    cwd: '/home/bun/app',
    user: 'root',
    command: [],
    healthCheck: [],
  }
  for (const instruction of stage.instructions) await perform(rooms, image, instruction, built)
  return image
}

async function perform(rooms: Rooms, image: Image, { name, rest }: Instruction, built: Map<string, Image>): Promise<void> {
  if (name === 'WORKDIR') {
    image.cwd = posix.resolve(image.cwd, rest)
    await rooms.run(['mkdir', '-p', rooms.path(image.room + image.cwd)])
  } else if (name === 'ENV') {
    for (const [, key = '', value = ''] of rest.matchAll(/(\w+)=(\S*)/g)) image.env[key] = value
  } else if (name === 'COPY') await copy(rooms, image, rest, built)
  else if (name === 'RUN') await rooms.runIn(image.room, ['sh', '-c', rest], await whileBuilding(rooms, image))
  else if (name === 'USER') image.user = rest
  else if (name === 'CMD') image.command = execForm(rest)
  else if (name === 'HEALTHCHECK') image.healthCheck = execForm(rest.replace(/^.*?\sCMD\s+/, ''))
  else if (name !== 'EXPOSE') throw new Error(`${name} is not understood here`)
}

async function copy(rooms: Rooms, image: Image, rest: string, built: Map<string, Image>): Promise<void> {
  const words = rest.split(/\s+/)
  const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined
  const to = posix.resolve(image.cwd, words.pop() ?? '')
  const stage = from === undefined ? undefined : built.get(from)
  if (from !== undefined && !stage) throw new Error(`there is no stage ${from}`)
  const visible = stage ? null : await visiblePaths()
  for (const word of words) {
    if (visible && !visible.has(word)) throw new Error(`${word} is hidden by .dockerignore`)
    const source = stage ? rooms.path(stage.room + word) : join(project, word)
    // A file goes into the directory; of a directory the contents do.
    const isFile = !stage && !statSync(source).isDirectory()
    const target = rooms.path(`${image.room}${isFile ? posix.join(to, posix.basename(word)) : to}`)
    await rooms.copy(source, target)
    if (stage) continue
    await rooms.run(['chown', '-R', '0:0', target])
    // Where a checkout belongs to its owner alone.
    await rooms.run(['chmod', '-R', 'go=rX', target])
  }
}

/** `.dockerignore` hides everything save what it names. */
async function visiblePaths(): Promise<Set<string>> {
  const [first, ...others] = (await Bun.file(join(project, '.dockerignore')).text()).trim().split('\n')
  if (first !== '**' || others.some((line) => !line.startsWith('!'))) throw new Error('.dockerignore is no longer a plain list of what is seen')
  return new Set(others.map((line) => line.slice(1)))
}

/** What this machine trusts beside the certificates that Bun brings, as where registries are reached through a proxy. */
const hostCertificates = '/etc/ssl/certs/ca-certificates.crt'

/** While it is built, the room trusts whom this machine trusts. */
async function whileBuilding(rooms: Rooms, image: Image) {
  const certificates = Bun.env.NODE_EXTRA_CA_CERTS || hostCertificates
  const inside = '/tmp/certificates.pem'
  const isThere = existsSync(certificates)
  if (isThere) await rooms.run(['install', '-m', '644', certificates, rooms.path(image.room + inside)])
  const trust = isThere ? { NODE_EXTRA_CA_CERTS: inside, SSL_CERT_FILE: inside } : {}
  return { env: { ...image.env, HOME: '/root', ...trust }, cwd: image.cwd, user: image.user, isSealed: false }
}
