import { parseArgs } from 'node:util'
import { startInstance } from '~/instance'
import { ConfigError, loadConfig } from '~/utils/config'
import { attachLogger, createLogger } from '~/utils/logger'
import { ApiCaller } from './client'
import { playRush } from './rush'
import { password, type Restaurant, seed } from './seed'
import { watch } from './watch'

/**
 * `bun run demo [--rate orders/s] [--duration s] [--speed times] [--port n] [--data dir]`: a server on the embedded database, a
 * restaurant, a lunch rush, and the owner's screen. The server stays up until Ctrl-C.
 */

const usage = 'usage: bun run demo [--rate 1] [--duration 60] [--speed 1] [--port 8000] [--data memory://]'

function options() {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      rate: { type: 'string', default: '1' },
      duration: { type: 'string', default: '60' },
      speed: { type: 'string', default: '1' },
      port: { type: 'string', default: '8000' },
      data: { type: 'string', default: 'memory://' },
    },
  })
  const pace = { rate: Number(values.rate), duration: Number(values.duration), speed: Number(values.speed) }
  if (!(pace.rate > 0 && pace.rate <= 1000)) throw new Error('--rate must be above 0 and at most 1000')
  if (!(pace.duration >= 0) || !(pace.speed > 0)) throw new Error('--duration must be at least 0, --speed above it')
  const config = loadConfig({
    PORT: values.port,
    DATA_DIR: values.data,
    // The accounts have passwords that anybody can read here: the demo is for this machine only.
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    RATE_LIMIT_RPS: '0',
    DRAIN_SECONDS: '0',
  })
  return { pace, config }
}

function introduce(base: string, socketUrl: string, { people, devices, storeId }: Restaurant): void {
  const lines = [
    '',
    `  API        ${base}/api/v1`,
    `  Docs       ${base}/docs`,
    `  Console    ${base}/console`,
    `  WebSocket  ${socketUrl}`,
    `  Health     ${base}/health`,
    `  Store      ${storeId}`,
    '',
    `  Sign in with the password "${password}":`,
    ...Object.values(people).map(({ role, email }) => `    ${role.padEnd(8)} ${email}`),
    '  Devices have tokens instead; these links open the console as one of them:',
    ...Object.values(devices).map(({ role, name, api }) => `    ${role.padEnd(8)} ${name.padEnd(16)} ${base}/console#device=${api.token}`),
    '',
  ]
  console.log(lines.join('\n'))
}

function summarise(latencies: number[]): string {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]?.toFixed(2) ?? '–'
  return `${sorted.length} events, from commit to arrival: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms`
}

async function main(): Promise<void> {
  const { pace, config } = options()
  const stopping = new AbortController()
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => {
        stopping.abort()
        resolve()
      })
  })
  console.log('Starting the server; the embedded database takes a few seconds …')
  attachLogger(createLogger(config))
  const server = await startInstance(config)
  const base = `http://localhost:${server.port}`
  const socketUrl = `ws://localhost:${server.port}${config.ws.path}`
  const restaurant = await seed(new ApiCaller(`http://127.0.0.1:${server.port}/api/v1`))
  introduce(base, socketUrl, restaurant)

  console.log('since commit     seq  event')
  const screen = await watch(`ws://127.0.0.1:${server.port}${config.ws.path}`, restaurant)
  const report = () => console.log(`\n${summarise(screen.latencies)}`)
  void playRush(restaurant, pace, stopping.signal).then(async (result) => {
    await screen.settled()
    const failures = [...result.failures].map(([reason, count]) => `${count} × ${reason}`).join(', ')
    console.log(`\n${result.created} orders, ${result.completed} completed, ${result.refused} turned away${failures && `; refused: ${failures}`}`)
    report()
    console.log('The server stays up; Ctrl-C ends it.\n')
  })
  await stopped
  report()
  screen.close()
  await server.stop()
  process.exit(0)
}

await main().catch((error: unknown) => {
  const lines = error instanceof ConfigError ? error.mistakes : [error instanceof Error ? error.message : String(error)]
  console.error([...lines, usage].join('\n'))
  process.exit(1)
})
