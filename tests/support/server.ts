import { setDefaultTimeout } from 'bun:test'
import { type RunningInstance, startInstance } from '~/instance'
import { loadConfig } from '~/utils/config'
import { attachLogger } from '~/utils/logger'
import { hiddenLogger } from './printed'

/**
 * The server that most tests share: the real one, on a free port, over the embedded database in memory, or over
 * PostgreSQL when TEST_DATABASE_URL is set. Tests make their own rows, so they do not disturb each other.
 */

export type TestServer = RunningInstance & { base: string; api: string; ws: string }

// For the file that waits for the database's first start; `bun run test` sets it for all.
setDefaultTimeout(60_000)

let shared: Promise<TestServer> | undefined

export function testServer(): Promise<TestServer> {
  shared ??= start({})
  return shared
}

async function start(environment: Record<string, string>): Promise<TestServer> {
  attachLogger(hiddenLogger())
  const databaseUrl = process.env.TEST_DATABASE_URL
  const running = await startInstance(
    loadConfig({
      NODE_ENV: 'test',
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'silent',
      RATE_LIMIT_RPS: '0',
      ...(databaseUrl ? { DATABASE_URL: databaseUrl } : { DATA_DIR: 'memory://' }),
      ...environment,
    }),
  )
  const host = `127.0.0.1:${running.port}`
  return { ...running, base: `http://${host}`, api: `http://${host}/api/v1`, ws: `ws://${host}/ws` }
}

export async function stopSharedServer(): Promise<void> {
  const server = await shared
  shared = undefined
  await server?.stop()
}
