import { afterAll, afterEach } from 'bun:test'
import { CheckedWebSocket } from './checked-websocket'
import { endFaults } from './faults'
import { closeOpenSockets } from './open-sockets'
import { printedByServers, printFrom } from './printed'
import { endServers } from './process'
import { requireNoLeaks, writeSecrets } from './secrets'

globalThis.WebSocket = CheckedWebSocket
printFrom('trace')

afterEach(closeOpenSockets)

// A frame that is not as AsyncAPI says fails the test that saw it, and one that came after the last test fails the run.
afterEach(endFaults)
afterAll(endFaults)

// Ends the servers that a whole run shares. They are imported only now, so that the first import of instance.ts, by the
// first file that needs it, sets that file's timeout.
afterAll(async () => {
  const { stopSharedServer } = await import('./server')
  await stopSharedServer()
  const { stopControlledServer } = await import('./controlled')
  await stopControlledServer()
  endServers()
  if (process.env.SECRETS_FILE) await writeSecrets(process.env.SECRETS_FILE)
  requireNoLeaks(printedByServers())
})
