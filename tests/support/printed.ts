import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger, type Logger } from '~/utils/logger'

/**
 * Everything that the servers of a run print, wherever they run: in a process of their own, on a pipe or into a file, or
 * in the process of the tests. At the end of a run all of it is searched for secrets (preload.ts).
 */

const sources: (() => string | Buffer)[] = []

export const keepPrinted = (source: () => string | Buffer): void => void sources.push(source)

/** What the servers of this run have printed so far, ended ones included. */
export const printedByServers = (): Buffer => Buffer.concat(sources.map((source) => Buffer.from(source())))

type Level = 'info' | 'trace'

let level: Level = 'info'

/** At which level servers print when nothing else is said: as operators have it, and under `bun test` all there is. */
export const serverLogLevel = (): Level => level

export function printFrom(lowest: Level): void {
  level = lowest
}

/** A logger for the server in this process, which prints to where only the search sees it. */
export function hiddenLogger(): Logger {
  const lines: string[] = []
  keepPrinted(() => lines.join(''))
  return createLogger({ isProduction: true, logLevel: level }, { write: (line) => void lines.push(line) })
}

let directory: string | undefined
let opened = 0

/**
 * A file that a process prints into: unlike a pipe it never makes the process wait for its reader, which tests of stalls
 * could not tell from what they look for.
 */
export function printedFile(): { descriptor: number; close(): void; read(): Buffer } {
  if (!directory) {
    const made = mkdtempSync(join(tmpdir(), 'zipzap-printed-'))
    directory = made
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  }
  const path = join(directory, `${++opened}.log`)
  const descriptor = openSync(path, 'a')
  const read = () => readFileSync(path)
  keepPrinted(read)
  return { descriptor, close: () => closeSync(descriptor), read }
}
