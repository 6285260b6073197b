import { join } from 'node:path'
import { Process } from './process'
import { type BenchServer, root, type Store } from './servers'
import type { SocketAnswer, SocketCommand, SocketGroup } from './sockets'

/** The sockets' process, as its driver sees it. */
export const openFleet = () => new Process<SocketCommand, SocketAnswer>(join(root, 'bench/sockets.ts'))

const socketsPerUser = 50

/** Devices of a store that may open so many sockets together; none where nobody signs in. */
export async function enlist(server: BenchServer, sockets: number): Promise<SocketGroup[]> {
  const store = storeOf(server)
  if (!store) return [{ count: sockets, userId: '', token: '', storeId: '' }]
  const groups: SocketGroup[] = []
  for (let left = sockets; left > 0; left -= socketsPerUser) {
    const { device, token } = await post<{ device: { userId: string }; token: string }>(server, '/devices', {
      name: `Screen ${groups.length}`,
      role: 'staff',
    })
    groups.push({ count: Math.min(left, socketsPerUser), userId: device.userId, token, storeId: store.storeId })
  }
  return groups
}

export const storeOf = (server: BenchServer): Store | undefined => server.stores[0]

/** A request below the first store. */
export async function post<Data>(server: BenchServer, path: string, body: object): Promise<Data> {
  const store = storeOf(server)
  const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/stores/${store?.storeId}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${store?.token}` },
    body: JSON.stringify(body),
  })
  const { data } = (await response.json()) as { data: Data }
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return data
}
