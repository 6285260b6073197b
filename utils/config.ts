import { z } from 'zod'
import '~/utils/contracts/wording'

/**
 * Every setting of the process, read from the environment once. No other module reads `process.env`.
 *
 * A wrong value never gets a default: `loadConfig` lists every mistake in one line each, and the start ends there.
 */

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`)

const url = (protocols: string[], example: string) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), `must be a URL like ${example}`)

const path = z.string().regex(/^\/[A-Za-z0-9\-._~/]*$/, 'must be a path that begins with "/"')

const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
)

/** Goes into the header of a mail as it is. */
const mailbox = z.string().regex(/^([\w .'&-]{1,64} <[\w.+-]+@[\w.-]+>|[\w.+-]+@[\w.-]+)$/, 'must be an address like ZipZap <no-reply@example.com>')

const isOrigin = (value: string) => URL.canParse(value) && new URL(value).origin === value

/** Events that no kitchen screen or kiosk may read: these get no key of the store. */
const sealable = ['customer_created', 'customer_updated', 'profile_updated']

/** 32 bytes in standard base64; the first key of the list seals, all of them open. */
const isKey = (value: string) => /^[A-Za-z0-9+/]{43}=$/.test(value)

const defaultPort = 8000

const environmentSchema = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  PORT: integer(0, 65535).default(defaultPort),
  HOST: z
    .string()
    .regex(/^[\w.:-]+$/, 'must be a host name or an address')
    .default('0.0.0.0'),
  WORKERS: z.union([z.literal('auto'), integer(1, 256)], 'must be "auto" or a whole number from 1 to 256').default(1),
  WS_PATH: path.default('/ws'),
  WS_PORT: integer(1, 65535).optional(),
  DATABASE_URL: url(['postgres:', 'postgresql:'], 'postgres://user:password@host:5432/database').optional(),
  DATA_DIR: z.string().min(1).default('./.data'),
  REDIS_URL: url(['redis:', 'rediss:'], 'redis://host:6379').optional(),
  CORS_ORIGINS: list
    .refine((origins) => origins.every(isOrigin), 'must be a comma-separated list of origins like https://app.example.com')
    .default([]),
  PUBLIC_URL: z.string().refine(isOrigin, 'must be an origin like https://pos.example.com').optional(),
  TRUST_PROXY: integer(0, 10).default(0),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  SMTP_URL: url(['smtp:', 'smtps:'], 'smtps://user:password@host:465').optional(),
  MAIL_FROM: mailbox.default('ZipZap <no-reply@localhost>'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url(['http:', 'https:'], 'http://host:4318').optional(),
  WS_HEARTBEAT_MS: integer(100, 600_000).default(30_000),
  WS_AUTH_TIMEOUT_MS: integer(100, 3_600_000).default(60_000),
  WS_MAX_BUFFERED_BYTES: integer(16_384, 1_073_741_824).default(1_048_576),
  WS_MAX_CONNECTIONS: integer(1, 10_000_000).default(50_000),
  WS_MAX_ANONYMOUS_PER_IP: integer(1, 1_000_000).default(200),
  EVENT_RETENTION_HOURS: integer(1, 87_600).default(72),
  WS_ENCRYPTION_KEY: list.refine((keys) => keys.length > 0 && keys.every(isKey), 'must be 32 bytes in base64 (several: comma-separated)').optional(),
  WS_ENCRYPTED_EVENTS: list.refine((types) => types.every((type) => sealable.includes(type)), `may name ${sealable.join(', ')}`).default(sealable),
  METRICS_TOKEN: z.string().min(8, 'must have at least 8 characters').optional(),
  DRAIN_SECONDS: integer(0, 3600).default(20),
  RATE_LIMIT_RPS: integer(0, 1_000_000).default(100),
})

export type Config = Readonly<ReturnType<typeof toConfig>>

/** The names of all variables, for the test that compares them with `.env.example`. */
export const environmentNames = Object.keys(environmentSchema.shape)

export class ConfigError extends Error {
  override name = 'ConfigError'
  constructor(readonly mistakes: string[]) {
    super(mistakes.join('\n'))
  }
}

/** Throws a `ConfigError` with one line per wrong variable; an empty value counts as unset. */
export function loadConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = environmentSchema.safeParse(given)
  const mistakes = new Map<string, string>()
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0])
    if (!mistakes.has(name)) mistakes.set(name, `${name} ${issue.message}`)
  }
  // Judged on the text, so that they are told beside the mistakes of single values.
  if (Number(given.WORKERS ?? 1) !== 1 && !given.DATABASE_URL && !mistakes.has('WORKERS'))
    mistakes.set('WORKERS', 'WORKERS above 1 needs DATABASE_URL: the embedded database serves one process')
  if (Number(given.WS_PORT) === Number(given.PORT ?? defaultPort) && !mistakes.has('WS_PORT'))
    mistakes.set('WS_PORT', 'WS_PORT must differ from PORT')
  if (!parsed.success || mistakes.size > 0) throw new ConfigError([...mistakes.values()])
  return toConfig(parsed.data)
}

function toConfig(env: z.output<typeof environmentSchema>) {
  return {
    isProduction: env.NODE_ENV === 'production',
    host: env.HOST,
    port: env.PORT,
    workers: env.WORKERS,
    databaseUrl: env.DATABASE_URL,
    dataDir: env.DATA_DIR,
    redisUrl: env.REDIS_URL,
    corsOrigins: env.CORS_ORIGINS,
    trustedProxyHops: env.TRUST_PROXY,
    logLevel: env.LOG_LEVEL,
    publicUrl: env.PUBLIC_URL,
    smtpUrl: env.SMTP_URL,
    mailFrom: env.MAIL_FROM,
    otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
    metricsToken: env.METRICS_TOKEN,
    drainSeconds: env.DRAIN_SECONDS,
    rateLimitRps: env.RATE_LIMIT_RPS,
    eventRetentionHours: env.EVENT_RETENTION_HOURS,
    ws: {
      path: env.WS_PATH,
      port: env.WS_PORT,
      heartbeatMs: env.WS_HEARTBEAT_MS,
      authTimeoutMs: env.WS_AUTH_TIMEOUT_MS,
      maxBufferedBytes: env.WS_MAX_BUFFERED_BYTES,
      maxConnections: env.WS_MAX_CONNECTIONS,
      maxAnonymousPerIp: env.WS_MAX_ANONYMOUS_PER_IP,
      encryptionKeys: env.WS_ENCRYPTION_KEY ?? [],
      encryptedEvents: env.WS_ENCRYPTED_EVENTS,
    },
  }
}
