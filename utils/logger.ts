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

/**
 * The fields of a line without what is secret. pino's own `redact` takes 36 µs a line for these keys and ends two levels
 * down; this takes one. Errors are left to the serializer, which lets through what is harmless.
 */
function redact(fields: Fields): Fields {
  const shown: Fields = {}
  for (const [key, value] of Object.entries(fields)) shown[key] = secretKeys.has(key) ? '[redacted]' : redactValue(value)
  return shown
}

function redactValue(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Error || value instanceof Date) return value
  return Array.isArray(value) ? value.map(redactValue) : redact(value as Fields)
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
    formatters: { log: redact },
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
