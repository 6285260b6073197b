import { maskedBinary, maskedFrame } from './handshake'

/** What a client of each compared server asks for when it connects, says first, and gets before it is live. */

export type WireName = 'plain' | 'zipzap' | 'socket.io' | 'nats'

/** Sockets of one user, where nobody signs in without one; `choice` is what ZipZap shall filter for them. */
export type SocketGroup = { count: number; userId: string; token: string; storeId: string; choice?: Choice }
export type Choice = { events: string[]; where: { status: string[]; type: string[] } }
export type Positions = Record<string, { epoch: string; seq: number }>

type Wire = {
  path(group: SocketGroup): string
  hello(group: SocketGroup, resume: Positions | undefined): Buffer[]
  /** Frames until the client is live. */
  framesToOpen: number
}

export const wires: Record<WireName, Wire> = {
  plain: { path: ({ storeId }) => (storeId ? `/ws?store=${storeId}` : '/ws'), hello: () => [], framesToOpen: 0 },
  zipzap: {
    path: () => '/ws',
    hello: ({ userId, storeId, choice }, resume) => [
      maskedFrame(JSON.stringify({ type: 'authenticate', data: { userId, storeId, ...choice, resume } })),
    ],
    // The greeting, the answer to authenticate and that it is live.
    framesToOpen: 3,
  },
  // What opens Engine.IO, and the answer to CONNECT of Socket.IO.
  'socket.io': {
    path: () => '/socket.io/?EIO=4&transport=websocket',
    hello: ({ storeId }) => [maskedFrame(storeId ? `40${JSON.stringify({ storeId })}` : '40')],
    framesToOpen: 2,
  },
  // INFO and PONG.
  nats: { path: () => '/', hello: () => [maskedBinary('CONNECT {"verbose":false}\r\nSUB all 1\r\nPING\r\n')], framesToOpen: 2 },
}

/** What a client of Engine.IO answers by itself. */
export const engineIoPong = maskedFrame('3')
