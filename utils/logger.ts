import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from '~/utils/config'
import { describeError } from '~/utils/log-error'
import { LogOutput } from '~/utils/log-output'

export type Logger = PinoLogger

/** Keys whose values never reach a log line, at whatever depth. */
const secretKeys: ReadonlySet<string> = new Set([
  'password',
  'currentPassword',
  'newPassword',
  'token',
  'ticket',
  'trackingToken',
  'authorization',
  'cookie',
  'email',
  'phone',
  'note',
  'deliveryAddress',
  'firstName',
  'lastName',
  'customerName',
])

type Fields = Record<string, unknown>

/** What lies deeper is left out: nothing of ours does, but an object that holds itself would have no end. */
const maxDepth = 6

/**
 * The fields of a line without what is secret, and of errors only what is harmless, wherever they are. pino's own `redact`
 * takes 36 µs a line for these keys and ends two levels down; this takes one.
 */
function redact(fields: Fields, depth = 0): Fields {
  const shown: Fields = {}
  for (const [key, value] of Object.entries(fields)) shown[key] = secretKeys.has(key) ? '[redacted]' : redactValue(value, depth)
  return shown
}

function redactValue(value: unknown, depth: number): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  if (value instanceof Error) return describeError(value)
  if (depth >= maxDepth) return '[deeper]'
  return Array.isArray(value) ? value.map((entry) => redactValue(entry, depth + 1)) : redact(value as Fields, depth + 1)
}

const standardOutput = new LogOutput(1)
/** How long an end waits for a reader of the log. */
const lastWordsMs = 1_000

/** Resolves when standard output has the lines, or its reader had its time. To be awaited before the process is ended. */
export const logWritten = (): Promise<void> => standardOutput.written(lastWordsMs)

/** JSON lines in production, readable ones in development; to standard output, or as lines of JSON to where it is said. */
export function createLogger(config: Pick<Config, 'isProduction' | 'logLevel'>, destination?: DestinationStream): Logger {
  const options = {
    level: config.logLevel,
    formatters: { log: (fields: Fields) => ('err' in fields ? { ...redact(fields), err: fields.err } : redact(fields)) },
    serializers: { err: (error: unknown) => describeError(error) },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  if (destination || config.isProduction) return pino(options, destination ?? standardOutput)
  return pino(options, pretty({ sync: true, colorize: process.stdout.isTTY, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' }))
}

/** The process's logger; silent until `server.ts` (or a test) attaches one. */
export let logger: Logger = pino({ level: 'silent' })

export function attachLogger(next: Logger): void {
  logger = next
}
