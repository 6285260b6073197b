import type { Connection } from '~/ui/hooks/connection'

type Followed = { users: number; end: () => void }

const followed = new WeakMap<Connection, Map<string, Followed>>()

/** Follows a store on this connection: its own one comes by itself, others are joined while somebody asks for them. */
export function followStore(connection: Connection, storeId: string): () => void {
  const stores = followed.get(connection) ?? new Map<string, Followed>()
  followed.set(connection, stores)
  const entry = stores.get(storeId) ?? { users: 0, end: joinWhenKnown(connection, storeId) }
  stores.set(storeId, entry)
  entry.users += 1
  return () => {
    entry.users -= 1
    if (entry.users > 0) return
    stores.delete(storeId)
    entry.end()
  }
}

/** Which store is the connection's own is known once the server has accepted it. */
function joinWhenKnown({ client }: Connection, storeId: string): () => void {
  let leave: (() => void) | undefined
  const look = () => {
    const snapshot = client.getSnapshot()
    if (snapshot.userId === null || leave || snapshot.storeId === storeId) return
    leave = client.join(storeId)
  }
  const end = client.subscribe(look)
  look()
  return () => {
    end()
    leave?.()
  }
}
