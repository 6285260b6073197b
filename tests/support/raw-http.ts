import { connect } from 'node:net'
import { testServer } from './server'

/** A request as exactly these bytes, for what no HTTP client would send; answers everything that came until the end. */
export async function sendRaw(request: string, port?: number): Promise<{ status: number; head: string; body: string }> {
  const to = port ?? (await testServer()).port
  const answer = await new Promise<string>((resolve, reject) => {
    let text = ''
    const socket = connect(to, '127.0.0.1', () => socket.write(request, 'latin1'))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
  const [head = '', body = ''] = answer.split(/\r\n\r\n([\s\S]*)/)
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body }
}
