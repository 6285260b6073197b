import { join } from 'node:path'
import { Process } from './process'
import { type BenchServer, request, root, type Store } from './servers'
import type { SocketAnswer, SocketCommand, SocketGroup } from './sockets'
import { wires } from './wires'

/** The sockets' process, as its driver sees it. */
export type Fleet = Process<SocketCommand, SocketAnswer>
export const openFleet = (): Fleet => new Process<SocketCommand, SocketAnswer>(join(root, 'bench/sockets.ts'))

const socketsPerUser = 50

/** A process with so many sockets of the first store, all live. */
export async function connect(server: BenchServer, sockets: number): Promise<Fleet> {
  const fleet = openFleet()
  const wire = server.wire ?? 'zipzap'
  const groups = await enlist(server, sockets)
  await fleet.ask({ kind: 'open', port: server.port, groups, framesEach: wires[wire].framesToOpen, wire })
  return fleet
}

/** Devices of the first store that may open so many sockets together; none where nobody signs in. */
export async function enlist(server: BenchServer, sockets: number): Promise<SocketGroup[]> {
  const store = storeOf(server)
  if (!store?.token) return [{ count: sockets, userId: '', token: '', storeId: store?.storeId ?? '' }]
  const groups: SocketGroup[] = []
  for (let left = sockets; left > 0; left -= socketsPerUser) {
    const body = { name: `Screen ${groups.length}`, role: 'staff' }
    const { device, token } = await post<{ device: { userId: string }; token: string }>(server, '/devices', body)
    groups.push({ count: Math.min(left, socketsPerUser), userId: device.userId, token, storeId: store.storeId })
  }
  return groups
}

export const storeOf = (server: BenchServer): Store | undefined => server.stores[0]

/** A request below the first store. */
export async function post<Data>(server: BenchServer, path: string, body: object): Promise<Data> {
  const store = storeOf(server)
  const response = await request(`http://127.0.0.1:${server.port}/api/v1/stores/${store?.storeId}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${store?.token}` },
    body: JSON.stringify(body),
  })
  const { data } = (await response.json()) as { data: Data }
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return data
}
