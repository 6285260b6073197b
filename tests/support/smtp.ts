import { createServer, type Socket } from 'node:net'

/** A mail server that keeps what it is given: enough of SMTP (RFC 5321) to be the outside world of a test. */

export type ReceivedMail = { from: string; to: string[]; headers: Map<string, string>; text: string }

export type MailSink = {
  url: string
  mails: ReceivedMail[]
  /** The next mail to this address that was not answered before. */
  next(to: string, timeoutMs?: number): Promise<ReceivedMail>
  /** Refuses every recipient from now on, quoting the address as real servers do. */
  refuse(): void
  close(): Promise<void>
}

export async function startMailSink(): Promise<MailSink> {
  const mails: ReceivedMail[] = []
  const taken = new Set<ReceivedMail>()
  const waiting = new Set<() => void>()
  const sockets = new Set<Socket>()
  let isRefusing = false
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    converse(
      socket,
      () => isRefusing,
      (mail) => {
        mails.push(mail)
        for (const wake of [...waiting]) wake()
      },
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('the mail sink has no port')

  return {
    url: `smtp://127.0.0.1:${address.port}`,
    mails,
    async next(to, timeoutMs = 5000) {
      const deadline = performance.now() + timeoutMs
      for (;;) {
        const found = mails.find((mail) => !taken.has(mail) && mail.to.includes(to))
        if (found) {
          taken.add(found)
          return found
        }
        const leftMs = deadline - performance.now()
        if (leftMs <= 0) throw new Error(`no mail to ${to}; got ${mails.length}`)
        await new Promise<void>((resolve) => {
          const wake = () => {
            clearTimeout(timer)
            waiting.delete(wake)
            resolve()
          }
          const timer = setTimeout(wake, leftMs)
          waiting.add(wake)
        })
      }
    },
    refuse() {
      isRefusing = true
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** One connection: commands line by line, then the lines of a message up to the lone dot. */
function converse(socket: Socket, isRefusing: () => boolean, receive: (mail: ReceivedMail) => void): void {
  let [rest, from, to] = ['', '', [] as string[]]
  let message: string[] | undefined
  const say = (line: string) => socket.write(`${line}\r\n`)
  const handle = (line: string) => {
    if (message) {
      if (line !== '.') return void message.push(line.startsWith('.') ? line.slice(1) : line)
      receive({ from, to, ...parse(message) })
      message = undefined
      to = []
      return say('250 kept')
    }
    const mailbox = /<([^>]*)>/.exec(line)?.[1] ?? ''
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'RCPT' && isRefusing()) return say(`550 5.1.1 <${mailbox}>: no such recipient`)
    if (verb === 'MAIL') from = mailbox
    if (verb === 'RCPT') to = [...to, mailbox]
    if (verb === 'DATA') message = []
    if (verb === 'QUIT') return void socket.end('221 bye\r\n')
    return say(verb === 'DATA' ? '354 go on' : '250 fine')
  }
  say('220 sink')
  socket.on('data', (bytes) => {
    const lines = (rest + bytes.toString()).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) handle(line)
  })
}

function parse(lines: string[]): Pick<ReceivedMail, 'headers' | 'text'> {
  const end = lines.indexOf('')
  const headers = new Map(lines.slice(0, end).map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]))
  return { headers, text: lines.slice(end + 1).join('\n') }
}
