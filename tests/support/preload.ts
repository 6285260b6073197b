import { afterAll } from 'bun:test'

// Ends what tests/support/server.ts started for the whole run. It is imported only now, so that its own first import, by
// the first file that needs a server, sets that file's timeout.
afterAll(async () => {
  const { stopSharedServer } = await import('./server')
  await stopSharedServer()
})
