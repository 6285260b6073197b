/** How a client on bare TCP opens a WebSocket, and what it sends (RFC 6455). */

export const upgradeOf = (port: number, token: string | undefined, path = '/ws') =>
  [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...(token ? [`Authorization: Bearer ${token}`] : []),
    '\r\n',
  ].join('\r\n')

const opcodes = { text: 1, binary: 2, pong: 10 }

/** The mask of RFC 6455 is there; it may be zero, and then the payload is itself. */
export const maskedFrame = (text: string): Buffer => masked(opcodes.text, Buffer.from(text))

export const maskedBinary = (text: string): Buffer => masked(opcodes.binary, Buffer.from(text))

/** The answer to a ping with this payload. */
export const maskedPong = (payload: Buffer): Buffer => masked(opcodes.pong, payload)

function masked(opcode: number, payload: Buffer): Buffer {
  const length = payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 255]
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), payload])
}
