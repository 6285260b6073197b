import { join } from 'node:path'

/** What the peers run on: public packages as they were published, without what `patches/` does to ours. */

export const peersFolder = join(import.meta.dir, 'peers')

let installing: Promise<boolean> | undefined

/** Installs them when they are first wanted; says whether they are there. */
export function installPeers(): Promise<boolean> {
  installing ??= (async () => {
    const child = Bun.spawn([process.execPath, 'install', '--frozen-lockfile'], { cwd: peersFolder, stdout: 'ignore', stderr: 'inherit' })
    return (await child.exited) === 0
  })()
  return installing
}
