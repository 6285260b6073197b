import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

/** Node's `ws`: what is posted goes to everybody, encoded once. */
const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const frame = Buffer.concat(chunks)
  for (const client of sockets.clients) client.send(frame, { binary: false })
  response.end('{}')
})
const sockets = new WebSocketServer({ server })
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
