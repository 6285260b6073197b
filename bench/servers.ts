import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { installPeers } from './peer-packages'
import type { WireName } from './wires'

/** Servers as processes of their own, each on an empty database of its own, with the same stores and products. */

export type Store = { storeId: string; productIds: string[]; token: string }
export type BenchServer = {
  name: string
  pid: number
  /** Of all its processes, where there are several. */
  pids?: number[]
  port: number
  stores: Store[]
  /** How its clients connect; as those of ZipZap where it has stores, and without a word where it has none. */
  wire?: WireName
  /** Brings a ready-made frame to everybody; resolves when the server has taken it. */
  publish?(frame: string): Promise<unknown>
  stop(): Promise<void>
}

export const root = resolve(import.meta.dir, '..')
const storeCount = 20
const productCount = 60

export const bun = (script: string) => [process.execPath, '--no-env-file', 'run', join(root, script)]

/** A program with nothing of our own environment but where programs are. */
export const spawnProgram = (command: string[], environment: Record<string, string>) =>
  Bun.spawn(command, {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...environment },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })

/** Starts a program that prints one line of JSON with its port when it listens, or another sign that it does. */
export async function launch(name: string, command: string[], environment: Record<string, string>, sign = '"port":') {
  const child = spawnProgram(command, environment)
  endWithUs(child)
  let output = ''
  const decoder = new TextDecoder()
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true })
    const line = output.split('\n').find((text) => text.includes(sign))
    if (line && output.includes('\n')) return { child, said: JSON.parse(line) as { port: number } & Record<string, unknown> }
  }
  throw new Error(`${name} ended before it listened: ${output}`)
}

/** Whatever ends this process takes the servers with it. */
export const endWithUs = (child: Bun.Subprocess) => void children.add(child)
const children = new Set<Bun.Subprocess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Where a server keeps its data: a new database on this PostgreSQL, or the embedded one in a new directory. */
export async function ownData(postgresUrl: string | null) {
  const directory = mkdtempSync(join(tmpdir(), 'zipzap-bench-'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  if (!postgresUrl) return { environment: { DATA_DIR: join(directory, 'data') }, remove }
  const name = `bench_${crypto.randomUUID().slice(0, 8)}`
  const admin = postgres(postgresUrl, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${name}`)
  await admin.end()
  const url = new URL(postgresUrl)
  url.pathname = `/${name}`
  return { environment: { DATABASE_URL: url.href }, remove }
}

export const end = async (child: Bun.Subprocess) => {
  child.kill('SIGKILL')
  await child.exited
  children.delete(child)
}

export async function startBare(postgresUrl: string | null, environment: Record<string, string> = {}, name = 'bare'): Promise<BenchServer> {
  if (!(await installPeers())) throw new Error('the packages of bench/peers could not be installed')
  const data = await ownData(postgresUrl)
  const { child, said } = await launch(name, bun('bench/peers/bare-hono.ts'), { NODE_ENV: 'production', ...data.environment, ...environment })
  return { name, pid: child.pid, port: said.port, wire: 'plain', stores: said.stores as Store[], stop: () => end(child).then(data.remove) }
}

/** Bun's own publish, for the parts in which nothing is written. */
export async function startPublish(environment: Record<string, string> = {}): Promise<BenchServer> {
  const { child, said } = await launch('bare Bun', bun('bench/peers/bare-publish.ts'), environment)
  return { name: 'bare Bun', pid: child.pid, port: said.port, wire: 'plain', stores: [], publish: postTo(said.port), stop: () => end(child) }
}

export const settings = { NODE_ENV: 'production', HOST: '127.0.0.1', PORT: '0', RATE_LIMIT_RPS: '0', LOG_LEVEL: 'info' }

export async function startZipZap(postgresUrl: string | null, environment: Record<string, string> = {}, name = 'ZipZap'): Promise<BenchServer> {
  const data = await ownData(postgresUrl)
  const { child, said } = await launch(name, bun('bench/zipzap.ts'), { ...settings, ...data.environment, ...environment })
  return { name, pid: child.pid, port: said.port, wire: 'zipzap', stores: await furnish(said.port), stop: () => end(child).then(data.remove) }
}

/** Somebody's stores with their products. */
export async function furnish(port: number): Promise<Store[]> {
  const api = `http://127.0.0.1:${port}/api/v1`
  let token = ''
  const create = async (path: string, body: object) => {
    const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }
    const response = await fetch(api + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (response.status !== 201) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return ((await response.json()) as { data: { id: string; token?: string } }).data
  }
  token = (await create('/auth/register', { email: 'olga@zipzap.test', password: 'correct horse battery', firstName: 'Olga' })).token ?? ''
  const stores: Store[] = []
  for (let index = 0; index < storeCount; index++) {
    const { id: storeId } = await create('/stores', { name: 'Store', taxRateBps: 1900 })
    const adding = Array.from({ length: productCount }, () => create(`/stores/${storeId}/products`, { name: 'Product', price: 500 }))
    const products = await Promise.all(adding)
    stores.push({ storeId, productIds: products.map((product) => product.id), token })
  }
  return stores
}

export const postTo =
  (port: number, path = '/') =>
  (frame: string) =>
    request(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: frame }).then((response) => response.text())

/** A server lets go of connections that did nothing for a while; a request that meets this is sent again. */
export const request = (url: string, init: RequestInit): Promise<Response> =>
  fetch(url, init).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') return fetch(url, init)
    throw error
  })
