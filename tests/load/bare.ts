/** As little of a WebSocket server as can be had from this runtime: it greets. */
const greeting = JSON.stringify({ type: 'general_notification', data: { message: 'Hello', sessionId: crypto.randomUUID() } })
const bare = Bun.serve({
  hostname: '0.0.0.0',
  port: 0,
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
  websocket: { open: (socket) => void socket.send(greeting), message() {} },
})
console.log(JSON.stringify({ port: bare.port }))
