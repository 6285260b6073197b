import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { freePort } from '~/scripts/postgres'
import { positionOf } from '../support/api'
import { openShop, type Shop, startOwnServer } from '../support/own-server'
import type { ServerProcess } from '../support/process'
import { RawClient } from '../support/raw-client'

/**
 * What an operator is given in deploy/, in a Prometheus that reads a live server under load: its configuration is taken,
 * every query of the dashboard and of the alerts gives data, and every alert fires on the figures that it is for.
 */

const root = resolve(import.meta.dir, '../..')
const deploy = join(root, 'deploy/prometheus')
const token = 'token-of-the-operator'

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON or YAML came; a wrong shape fails the assertion
type Json = any

const dashboard: Json = await Bun.file(join(root, 'deploy/grafana/zipzap.json')).json()
const alerts: Json = Bun.YAML.parse(await Bun.file(join(deploy, 'alerts.yaml')).text())

const queries: [string, string][] = dashboard.panels.flatMap((panel: Json) =>
  (panel.targets ?? []).map((target: Json) => [`${panel.title} ${target.refId}`, target.expr.replaceAll('$__rate_interval', '10s')]),
)
/** An alert that does not fire gives nothing: what it compares must. */
const compared: [string, string][] = alerts.groups.flatMap((group: Json) =>
  group.rules.map((rule: Json) => [rule.alert, rule.expr.replace(/\s*[<>]=?\s*[\d.e]+$/, '')]),
)

let server: ServerProcess
let shop: Shop
let directory: string
let prometheus: ReturnType<typeof startPrometheus>
let base: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'zipzap-prometheus-'))
  server = await startOwnServer({ METRICS_TOKEN: token, WS_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') })
  shop = await openShop(server)
  const port = await freePort()
  base = `http://127.0.0.1:${port}`
  await writeConfiguration()
  prometheus = startPrometheus(port)
  while (!(await isReady())) await Bun.sleep(100)
  await load()
}, 120_000)

afterAll(async () => {
  prometheus.kill('SIGTERM')
  await prometheus.exited
  await server.end('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

/** The one of deploy/, with this server in place of the instances, and looking more often. */
async function writeConfiguration(): Promise<void> {
  const original = await Bun.file(join(deploy, 'prometheus.yaml')).text()
  const configuration = original
    .replace('app1:8000, app2:8000', `"127.0.0.1:${shop.port}"`)
    .replace('/etc/prometheus/zipzap-metrics-token', join(directory, 'token'))
    .replaceAll('_interval: 15s', '_interval: 1s')
    .replace('- alerts.yaml', `- ${join(deploy, 'alerts.yaml')}`)
  await Bun.write(join(directory, 'prometheus.yaml'), configuration)
  await Bun.write(join(directory, 'token'), token)
}

const startPrometheus = (port: number) =>
  Bun.spawn(
    [
      'prometheus',
      `--config.file=${join(directory, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
  )

const isReady = () =>
  fetch(`${base}/-/ready`).then(
    (response) => response.ok,
    () => false,
  )

async function query(expression: string): Promise<{ labels: Record<string, string>; value: number }[]> {
  const { status, data, error }: Json = await (await fetch(`${base}/api/v1/query?query=${encodeURIComponent(expression)}`)).json()
  if (status !== 'success') throw new Error(`${expression}: ${error}`)
  return data.result.map((row: Json) => ({ labels: row.metric, value: Number(row.value[1]) }))
}

async function joined(data: object = {}): Promise<RawClient> {
  const client = await RawClient.open(shop.port, shop.token)
  await client.authenticate({ userId: shop.id, storeId: shop.storeId, ...data })
  return client
}

/** Writes, deliveries, resumes that succeed and fail, refusals and closes, until Prometheus has looked a few times. */
async function load(): Promise<void> {
  const listeners = [await joined(), await joined(), await joined()]
  const scrapes = async () => (await query('count_over_time(up{job="zipzap"}[1m])'))[0]?.value ?? 0
  const from = await scrapes()
  while ((await scrapes()) < from + 5) {
    const written = await shop.api.post(`${shop.path}/customers`, { firstName: 'Ada' })
    const { epoch, seq } = positionOf(written, shop.stream)
    for (const position of [
      { epoch, seq },
      { epoch: 'other', seq },
    ]) {
      const client = await joined({ resume: { [shop.stream]: position } })
      client.socket.close()
      await client.closed
    }
    const stranger = await RawClient.open(shop.port)
    await stranger.ask({ type: 'subscribe', data: { storeId: shop.storeId } })
    stranger.socket.close()
  }
  for (const listener of listeners) listener.socket.cut()
}

test('Prometheus reads the server by the configuration of deploy/', async () => {
  expect((await query('up{job="zipzap"}')).map(({ value }) => value)).toEqual([1])
  // With another token it would read nothing.
  expect((await fetch(`${server.base}/metrics`)).status).toBe(401)
})

describe('the dashboard', () => {
  test.each(queries)('%s gives data', async (_title, expression) => {
    const rows = await query(expression)
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.filter(({ value }) => !Number.isFinite(value))).toEqual([])
  })

  test('asks for each figure of ours that there is', async () => {
    const names = (await query('count by (__name__) ({job="zipzap",__name__=~"zipzap_.*"})')).map(({ labels }) => labels.__name__ ?? '')
    const asked = queries.map(([, expression]) => expression).join(' ')
    const bare = names.map((name) => name.replace(/_(bucket|count|sum)$/, ''))
    expect([...new Set(bare)].filter((name) => !asked.includes(name))).toEqual([])
  })
})

describe('the alerts', () => {
  test.each(compared)('%s compares something that there is', async (_name, expression) => {
    const rows = await query(expression)
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.filter(({ value }) => !Number.isFinite(value))).toEqual([])
  })

  test('are loaded, and each fires on the figures that it is for', async () => {
    const { data }: Json = await (await fetch(`${base}/api/v1/rules`)).json()
    const loaded = data.groups.flatMap((group: Json) => group.rules.map((rule: Json) => rule.name))
    expect(loaded.sort()).toEqual(compared.map(([name]) => name).sort())
    const tests = await Bun.file(join(deploy, 'alerts.test.yaml')).text()
    expect(compared.filter(([name]) => !new RegExp(`alertname: ${name}\\n\\s+exp_alerts:\\n`).test(tests))).toEqual([])
    const run = Bun.spawnSync(['promtool', 'test', 'rules', join(deploy, 'alerts.test.yaml')])
    expect([run.exitCode, run.exitCode === 0 ? '' : run.stdout.toString() + run.stderr.toString()]).toEqual([0, ''])
  })
})
