import { afterAll, afterEach } from 'bun:test'
import { endFaults } from './faults'

// A frame that is not as AsyncAPI says fails the test that saw it, and one that came after the last test fails the run.
afterEach(endFaults)
afterAll(endFaults)

// Ends what tests/support/server.ts started for the whole run. It is imported only now, so that its own first import, by
// the first file that needs a server, sets that file's timeout.
afterAll(async () => {
  const { stopSharedServer } = await import('./server')
  await stopSharedServer()
})
