import { Database as Sqlite } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

export class DataDirectoryInUse extends Error {
  override name = 'DataDirectoryInUse'
}

/**
 * Holds an SQLite database exclusively as a lock: the operating system drops it with the process, also after kill -9,
 * and it works where process ids repeat (containers). Throws `DataDirectoryInUse` while another process holds it.
 */
export function lockDirectory(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true })
  const lock = new Sqlite(join(dataDir, 'lock'))
  try {
    lock.run('pragma locking_mode = exclusive')
    lock.run('begin exclusive')
  } catch {
    lock.close()
    throw new DataDirectoryInUse(
      `${resolve(dataDir)} is in use by another ZipZap process; the embedded database serves one process (set DATABASE_URL for more)`,
    )
  }
  return () => lock.close()
}
