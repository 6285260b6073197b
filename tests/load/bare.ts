/** As little of a WebSocket server as can be had from this runtime: it greets, and at `/tell` says one thing to all. */
const greeting = JSON.stringify({ type: 'general_notification', data: { message: 'Hello', sessionId: crypto.randomUUID() } })
/** As long as a notification of ZipZap. */
const news = JSON.stringify({ type: 'general_notification', data: { message: 'x'.repeat(380) } })
const sockets = new Set<Bun.ServerWebSocket>()

function tellAll(): Response {
  for (const socket of sockets) socket.send(news)
  return new Response()
}

const bare = Bun.serve({
  hostname: '0.0.0.0',
  port: 0,
  fetch: (request, self) => {
    if (request.url.endsWith('/tell')) return tellAll()
    return self.upgrade(request) ? undefined : new Response(null, { status: 400 })
  },
  websocket: {
    open: (socket) => {
      sockets.add(socket)
      socket.send(greeting)
    },
    message() {},
    close: (socket) => void sockets.delete(socket),
  },
})
console.log(JSON.stringify({ port: bare.port }))
