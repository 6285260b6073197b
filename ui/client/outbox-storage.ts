import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import type { OutboxStorage, PendingWrite } from '~/ui/client/outbox'

interface OutboxSchema extends DBSchema {
  writes: { key: number; value: PendingWrite; indexes: { key: string; owner: string } }
}

/** Writes in IndexedDB, which tabs share: the server does each once, whoever sends it. */
export class IndexedDbOutboxStorage implements OutboxStorage {
  readonly #database: Promise<IDBPDatabase<OutboxSchema>>

  constructor(name = 'zipzap-outbox') {
    this.#database = openDB<OutboxSchema>(name, 1, {
      upgrade(database) {
        // The generated number is the order in which writes were added.
        const writes = database.createObjectStore('writes', { autoIncrement: true })
        writes.createIndex('key', 'key', { unique: true })
        writes.createIndex('owner', 'owner')
      },
    })
    // Told to whoever uses it.
    this.#database.catch(() => {})
  }

  async list(owner: string): Promise<PendingWrite[]> {
    return (await this.#database).getAllFromIndex('writes', 'owner', owner)
  }

  async put(write: PendingWrite): Promise<void> {
    const transaction = (await this.#database).transaction('writes', 'readwrite', { durability: 'strict' })
    const place = await transaction.store.index('key').getKey(write.key)
    if (place === undefined) await transaction.store.add(write)
    else await transaction.store.put(write, place)
    await transaction.done
  }

  async remove(key: string): Promise<void> {
    const transaction = (await this.#database).transaction('writes', 'readwrite', { durability: 'strict' })
    const place = await transaction.store.index('key').getKey(key)
    if (place !== undefined) await transaction.store.delete(place)
    await transaction.done
  }

  async close(): Promise<void> {
    ;(await this.#database).close()
  }
}
