import type { Server } from 'bun'

/**
 * What the hub's delivery is measured against: Bun's own publish to everybody, of bytes that come ready made. Who
 * connects is subscribed; nobody signs in, nothing is kept. Several may share the port of PORT; then each has one of its
 * own as well, where it alone is told what to publish.
 */
const { PORT, HOST = '127.0.0.1' } = process.env

/** Everybody listens to the same, or to one store. */
const topicOf = (request: Request) => new URL(request.url).searchParams.get('store') ?? 'all'

async function tell(request: Request): Promise<Response> {
  server.publish(topicOf(request), await request.text())
  return new Response('{}')
}

const server: Server<{ topic: string }> = Bun.serve({
  hostname: HOST,
  port: Number(PORT ?? 0),
  reusePort: PORT !== undefined,
  fetch(request, self) {
    if (request.method === 'POST') return tell(request)
    return self.upgrade(request, { data: { topic: topicOf(request) } }) ? undefined : new Response(null, { status: 400 })
  },
  websocket: {
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe(socket.data.topic)
    },
    message() {},
  },
})
process.on('SIGUSR2', () => Bun.gc(true))
const own = PORT === undefined ? server : Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: tell })
console.log(JSON.stringify({ port: server.port, ownPort: own.port, stores: [] }))
