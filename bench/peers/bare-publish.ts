import type { Server } from 'bun'

/**
 * What the hub's delivery is measured against: Bun's own publish to everybody, of bytes that come ready made. Who
 * connects is subscribed; nobody signs in, nothing is kept. Several may share the port of PORT; then each has one of its
 * own as well, where it alone is told what to publish.
 */
const { PORT, HOST = '127.0.0.1' } = process.env

async function tell(request: Request): Promise<Response> {
  server.publish('all', await request.text())
  return new Response('{}')
}

const server: Server<undefined> = Bun.serve({
  hostname: HOST,
  port: Number(PORT ?? 0),
  reusePort: PORT !== undefined,
  fetch(request, self) {
    if (request.method === 'POST') return tell(request)
    return self.upgrade(request, { data: undefined }) ? undefined : new Response(null, { status: 400 })
  },
  websocket: {
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe('all')
    },
    message() {},
  },
})
process.on('SIGUSR2', () => Bun.gc(true))
const own = PORT === undefined ? server : Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: tell })
console.log(JSON.stringify({ port: server.port, ownPort: own.port, stores: [] }))
