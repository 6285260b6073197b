import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiClient } from './api'
import { type ServerProcess, spawnServer } from './process'
import { unique } from './world'

/** Servers with settings that the shared one cannot have, one at a time: small limits, a log that is read, an end. */

// The first start of the embedded database is slow: the servers of a run follow each other on one directory.
let directory: string | undefined

export function startOwnServer(environment: Record<string, string>): Promise<ServerProcess> {
  if (!directory) {
    const made = mkdtempSync(join(tmpdir(), 'zipzap-own-'))
    directory = made
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  }
  const databaseUrl = process.env.TEST_DATABASE_URL
  return spawnServer(directory, { ...(databaseUrl && { DATABASE_URL: databaseUrl }), ...environment })
}

/** An owner with a store on such a server. */
export type Shop = { id: string; token: string; api: ApiClient; storeId: string; path: string; stream: string; ws: string; port: number }

export async function openShop(server: ServerProcess): Promise<Shop> {
  const account = { email: `${unique('olga')}@zipzap.test`, password: 'correct horse battery', firstName: 'Olga' }
  const { data } = await server.api.post('/auth/register', account)
  const api = new ApiClient(server.api.server, data.token)
  const { id: storeId } = (await api.post('/stores', { name: 'Corner' })).data
  const { host, port } = new URL(server.base)
  return {
    id: data.user.id,
    token: data.token,
    api,
    storeId,
    path: `/stores/${storeId}`,
    stream: `store:${storeId}`,
    ws: `ws://${host}/ws`,
    port: Number(port),
  }
}
