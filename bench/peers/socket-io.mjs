import { createServer } from 'node:http'
import { Server } from 'socket.io'

/** Socket.IO: what is posted is emitted to everybody, as an object, the way its users do. */
const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const { type, ...rest } = JSON.parse(Buffer.concat(chunks).toString())
  io.emit(type, rest)
  response.end('{}')
})
const io = new Server(server, { transports: ['websocket'] })
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
