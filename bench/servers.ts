import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import postgres from 'postgres'

/** Servers as processes of their own, each on an empty database of its own, with the same stores and products. */

export type Store = { storeId: string; productIds: string[]; token: string }
export type BenchServer = { name: string; pid: number; port: number; stores: Store[]; stop(): Promise<void> }

export const root = resolve(import.meta.dir, '..')
const storeCount = 20
const productCount = 60

/** Starts a program that prints one line of JSON with its port when it listens. */
async function launch(name: string, script: string, environment: Record<string, string>, flags: string[] = []) {
  const child = Bun.spawn([process.execPath, '--no-env-file', ...flags, 'run', join(root, script)], {
    cwd: environment.CWD ?? root,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...environment },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let output = ''
  const decoder = new TextDecoder()
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true })
    const line = output.split('\n').find((text) => text.includes('"port":'))
    if (line && output.includes('\n')) return { child, said: JSON.parse(line) as { port: number } & Record<string, unknown> }
  }
  throw new Error(`${name} ended before it listened: ${output}`)
}

/** Where a server keeps its data: a new database on this PostgreSQL, or the embedded one in a new directory. */
async function ownData(postgresUrl: string | null) {
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

const end = async (child: Bun.Subprocess) => {
  child.kill('SIGKILL')
  await child.exited
}

export async function startBare(postgresUrl: string | null, environment: Record<string, string> = {}, name = 'bare'): Promise<BenchServer> {
  const data = await ownData(postgresUrl)
  const { child, said } = await launch(name, 'bench/peers/bare-hono.ts', { NODE_ENV: 'production', ...data.environment, ...environment })
  return { name, pid: child.pid, port: said.port, stores: said.stores as Store[], stop: () => end(child).then(data.remove) }
}

/** Bun's own publish, for the parts in which nothing is written. */
export async function startPublish(): Promise<BenchServer> {
  const { child, said } = await launch('bare Bun', 'bench/peers/bare-publish.ts', {})
  return { name: 'bare Bun', pid: child.pid, port: said.port, stores: [], stop: () => end(child) }
}

const settings = { NODE_ENV: 'production', HOST: '127.0.0.1', PORT: '0', RATE_LIMIT_RPS: '0', LOG_LEVEL: 'info' }

export async function startZipZap(postgresUrl: string | null, environment: Record<string, string> = {}, name = 'ZipZap'): Promise<BenchServer> {
  const data = await ownData(postgresUrl)
  const { child, said } = await launch(name, 'bench/zipzap.ts', { ...settings, ...data.environment, ...environment })
  const api = `http://127.0.0.1:${said.port}/api/v1`
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
  return { name, pid: child.pid, port: said.port, stores, stop: () => end(child).then(data.remove) }
}
