import { connect } from 'node:net'

/** Asks for an upgrade in a test's own words, and reads what a browser's API would hide: status, headers and body. */

type Headers = Record<string, string | string[] | null>

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever came; a wrong shape fails the assertion
export type UpgradeAnswer = { status: number; headers: Record<string, string>; body: any }

/** The headers of a right request are taken over unless `over` has them; null leaves one out. */
export function askUpgrade(base: string, over: Headers = {}, requestLine = 'GET /ws HTTP/1.1'): Promise<UpgradeAnswer> {
  const { host, hostname, port } = new URL(base)
  const right: Headers = {
    Host: host,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  }
  const lines = Object.entries({ ...right, ...over }).flatMap(([name, value]) => [value ?? []].flat().map((one) => `${name}: ${one}\r\n`))
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(`${requestLine}\r\n${lines.join('')}\r\n`))
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      received += chunk
      const answer = parse(received)
      if (!answer) return
      socket.destroy()
      resolve(answer)
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`the connection ended after "${received}"`)))
  })
}

/** The answer, once it is whole; frames behind a 101 are of no interest. */
function parse(received: string): UpgradeAnswer | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [statusLine = '', ...lines] = received.slice(0, end).split('\r\n')
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
  const status = Number(statusLine.split(' ')[1])
  const body = received.slice(end + 4)
  if (status === 101) return { status, headers, body: undefined }
  if (body.length < Number(headers['content-length'] ?? 0)) return undefined
  return { status, headers, body: body.startsWith('{') ? JSON.parse(body) : body }
}
