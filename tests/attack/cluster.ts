import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startPostgres } from '~/scripts/postgres'
import { startNginx, startRedis } from '../chaos/engines'
import { printedByServers } from '../support/printed'
import { spawnServer } from '../support/process'
import { readSecrets, requireNoLeaks } from '../support/secrets'
import { settings } from './house'

/**
 * The attack suite as a stranger meets it in production: nginx with our configuration before two instances, PostgreSQL
 * and Redis behind them. What it is given goes to `bun test`.
 *
 *   bun run attack:cluster                          all of it
 *   bun run attack:cluster -t 'X-Forwarded-For'     some of it
 */

const directory = mkdtempSync(join(tmpdir(), 'zipzap-attack-cluster-'))
const postgres = await startPostgres()
const redis = await startRedis()
const ports = [await freePort(), await freePort()]
const environment = { ...settings, DATABASE_URL: postgres.url, REDIS_URL: `redis://127.0.0.1:${redis.port}`, TRUST_PROXY: '1' }
const instances = await Promise.all(ports.map((port) => spawnServer(directory, { ...environment, PORT: String(port) })))
const nginx = await startNginx(directory, ports)

const secretsFile = join(directory, 'secrets.json')
const suite = Bun.spawn([process.execPath, 'test', '--timeout', '120000', './tests/attack', ...process.argv.slice(2)], {
  env: { ...process.env, ATTACK_URL: `http://127.0.0.1:${nginx.port}`, SECRETS_FILE: secretsFile },
  stdio: ['ignore', 'inherit', 'inherit'],
})
const code = await suite.exited

await nginx.end('SIGQUIT')
await Promise.all(instances.map((instance) => instance.end('SIGKILL')))
await redis.end('SIGKILL')
await postgres.stop()
await readSecrets(secretsFile)
requireNoLeaks(printedByServers())
rmSync(directory, { recursive: true, force: true })
process.exit(code)
