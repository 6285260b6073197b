import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino'
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

/** What may wait for the reader of the log, in characters; what comes on top is dropped. */
const maxWaitingLog = 8 * 1024 * 1024

/** Nobody waits for the reader of the log, who may be slow or gone. Lines that come together are written together. */
const standardOutput = () => pino.destination({ dest: 1, sync: false, maxLength: maxWaitingLog })

/** JSON lines in production, readable ones in development; to standard output, or as lines of JSON to where it is said. */
export function createLogger(config: Pick<Config, 'isProduction' | 'logLevel'>, destination?: DestinationStream): Logger {
  const options = {
    level: config.logLevel,
    redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
    serializers: { err: (error: unknown) => describeError(error) },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  if (destination || config.isProduction) return pino(options, destination ?? standardOutput())
  return pino(options, pretty({ sync: true, colorize: process.stdout.isTTY, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' }))
}

/** The process's logger; silent until `server.ts` (or a test) attaches one. */
export let logger: Logger = pino({ level: 'silent' })

export function attachLogger(next: Logger): void {
  logger = next
}
