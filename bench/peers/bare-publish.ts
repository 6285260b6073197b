/**
 * What the hub's delivery is measured against: Bun's own publish to everybody, of bytes that come ready made. Who
 * connects is subscribed; nobody signs in, nothing is kept.
 */
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request, self) {
    if (request.method === 'POST') {
      self.publish('all', await request.text())
      return new Response('{}')
    }
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
console.log(JSON.stringify({ port: server.port, stores: [] }))

export {}
