import { describe, expect, test } from 'bun:test'
import { ConfigError, environmentNames, loadConfig } from '~/utils/config'

const example = await Bun.file(`${import.meta.dir}/../.env.example`).text()
const settings = [...example.matchAll(/^#? ?([A-Z][A-Z_]+)=(.*)$/gm)].map((match) => [match[1] ?? '', match[2] ?? ''] as const)

const mistakesOf = (environment: Record<string, string>): string[] => {
  try {
    loadConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
}

describe('.env.example', () => {
  test('names every variable exactly once', () => {
    expect(settings.map(([name]) => name).sort()).toEqual([...environmentNames].sort())
  })

  test('shows the values that hold without it', () => {
    expect(loadConfig(Object.fromEntries(settings))).toEqual(loadConfig({}))
  })
})

describe('configuration', () => {
  test('an empty value counts as unset', () => {
    expect(loadConfig({ PORT: '', DATABASE_URL: '' })).toEqual(loadConfig({}))
  })

  test.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['HOST', 'not a host'],
    ['NODE_ENV', 'prod'],
    ['WORKERS', '0'],
    ['WS_PATH', 'ws'],
    ['DATABASE_URL', 'localhost'],
    ['REDIS_URL', 'http://localhost'],
    ['CORS_ORIGINS', 'https://a.example,b.example'],
    ['TRUST_PROXY', 'true'],
    ['LOG_LEVEL', 'loud'],
    ['WS_HEARTBEAT_MS', '30s'],
    ['WS_ENCRYPTION_KEY', 'c2hvcnQ='],
    ['METRICS_TOKEN', 'short'],
    ['EVENT_RETENTION_HOURS', '0'],
    ['RATE_LIMIT_RPS', 'off'],
  ])('%s=%s is refused by name', (name, value) => {
    expect(mistakesOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} \\S`))])
  })

  test('every mistake gets its own line, and no value is repeated in it', () => {
    const mistakes = mistakesOf({ PORT: 'x', DATABASE_URL: 'mysql://root:hunter2@db', SMTP_URL: 'hunter2' })
    expect(mistakes).toHaveLength(3)
    expect(mistakes.join()).not.toContain('hunter2')
  })

  test('what only together is wrong is refused too', () => {
    expect(mistakesOf({ WORKERS: '2' })).toHaveLength(1)
    expect(mistakesOf({ WS_PORT: '8000' })).toEqual(['WS_PORT must differ from PORT'])
    expect(mistakesOf({ WS_PORT: '9000', PORT: '9000', WORKERS: 'auto', NODE_ENV: 'prod' })).toEqual([
      'NODE_ENV must be one of development, test, production',
      expect.stringMatching(/^WORKERS /),
      'WS_PORT must differ from PORT',
    ])
    expect(mistakesOf({ WORKERS: '2', DATABASE_URL: 'postgres://localhost/zipzap' })).toEqual([])
  })
})
