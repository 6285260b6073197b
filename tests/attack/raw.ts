import { connect, type Socket } from 'node:net'

/** Bytes as no HTTP client would send them, to whichever server is attacked. */

export type RawAnswer = { status: number; statuses: number[]; text: string }

/** Sends the bytes and answers all that came until the server closed. Its last request has to ask for that. */
export function exchange(port: number, bytes: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('close', () => resolve(answerOf(text)))
    socket.on('error', (error) => (text ? resolve(answerOf(text)) : reject(error)))
  })
}

function answerOf(text: string): RawAnswer {
  const statuses = [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map((match) => Number(match[1]))
  return { status: statuses[0] ?? 0, statuses, text }
}

/** A connection that was opened and says no more than `head`. */
export function hang(port: number, head: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head, 'latin1')
      resolve(socket)
    })
    socket.on('error', reject)
  })
}

/** A request line and headers; `null` leaves one out. */
export function head(port: number, line: string, headers: Record<string, string | null> = {}): string {
  const all: Record<string, string | null> = { Host: `127.0.0.1:${port}`, Connection: 'close', ...headers }
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]))
  return `${line}\r\n${lines.join('')}\r\n`
}
