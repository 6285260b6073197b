import { afterAll, beforeAll, expect, test } from 'bun:test'
import * as fake from 'fake-indexeddb'
import { IndexedDbOutboxStorage } from '~/ui/client/outbox-storage'

const { default: _default, forceCloseDatabase: _force, ...names } = fake

beforeAll(() => {
  Object.assign(globalThis, names)
})
afterAll(() => {
  for (const name of Object.keys(names)) Reflect.deleteProperty(globalThis, name)
})

test('the writes lie in IndexedDB in their order', async () => {
  const storage = new IndexedDbOutboxStorage('test')
  const write = (key: string, owner = 'me') => ({
    key,
    owner,
    route: 'POST /stores' as const,
    params: {},
    body: { name: key },
    addedAt: 1,
    sentAt: null,
    failure: null,
  })
  for (const key of ['z', 'a', 'm']) await storage.put(write(key))
  await storage.put(write('other', 'you'))
  await storage.put({ ...write('z'), sentAt: 5 })
  await storage.remove('a')
  await storage.close()
  const reopened = new IndexedDbOutboxStorage('test')
  expect(await reopened.list('me')).toEqual([{ ...write('z'), sentAt: 5 }, write('m')])
  await reopened.close()
})
