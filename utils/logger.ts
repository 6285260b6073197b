import pino, { type Logger as PinoLogger } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from '~/utils/config'
import { describeError } from '~/utils/log-error'

export type Logger = PinoLogger

/** Keys whose values never reach a log line, at the top and one or two levels down. */
const secretKeys = [
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
]

/**
 * JSON lines in production, readable ones in development; both to standard output, written synchronously so that the
 * last words of a process that dies are not lost.
 */
export function createLogger(config: Pick<Config, 'isProduction' | 'logLevel'>): Logger {
  const options = {
    level: config.logLevel,
    redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
    serializers: { err: (error: unknown) => describeError(error) },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  if (config.isProduction) return pino(options, pino.destination({ dest: 1, sync: true }))
  return pino(options, pretty({ sync: true, colorize: process.stdout.isTTY, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' }))
}

/** The process's logger; silent until `server.ts` (or a test) attaches one. */
export let logger: Logger = pino({ level: 'silent' })

export function attachLogger(next: Logger): void {
  logger = next
}
