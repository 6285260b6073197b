import { createServer, type Socket, connect as tcpConnect } from 'node:net'

/** A TCP proxy before a database (or relay) that can be cut in the ways networks fail. */
export type Proxy = {
  /** The target's URL, through the proxy. */
  url: string
  /** Ends all connections and refuses new ones at once. */
  refuse(): void
  /** Keeps connections open and takes new ones, but lets nothing through. */
  freeze(): void
  /** Until `restore`: every so manieth COMMIT reaches the target, but its answer never comes back; the connection ends. */
  loseCommits(every: number): void
  /** How many answers were lost so. */
  readonly lostCommits: number
  restore(): void
  stop(): Promise<void>
}

export async function startProxy(target: URL): Promise<Proxy> {
  let mode: 'pass' | 'refuse' | 'freeze' = 'pass'
  let loseEvery = 0
  let commits = 0
  let lostCommits = 0
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }
  const endAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((client) => {
    keep(client)
    if (mode === 'refuse') return void client.destroy()
    if (mode === 'freeze') return
    const upstream = tcpConnect(Number(target.port), target.hostname)
    keep(upstream)
    client.on('data', (chunk: Buffer) => mode === 'pass' && upstream.write(chunk))
    upstream.on('data', (chunk: Buffer) => {
      // The tag of PostgreSQL's CommandComplete: by now it is committed.
      if (loseEvery > 0 && chunk.includes('COMMIT\0') && ++commits % loseEvery === 0) {
        lostCommits += 1
        client.destroy()
      } else if (mode === 'pass') client.write(chunk)
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('the proxy has no port')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)
  return {
    url: url.href,
    refuse: () => {
      mode = 'refuse'
      endAll()
    },
    freeze: () => {
      mode = 'freeze'
    },
    loseCommits: (every) => {
      loseEvery = every
    },
    get lostCommits() {
      return lostCommits
    },
    restore: () => {
      mode = 'pass'
      loseEvery = 0
      // What was swallowed is lost: connections that lived through it would never go on.
      endAll()
    },
    stop: () =>
      new Promise<void>((resolve) => {
        endAll()
        server.close(() => resolve())
      }),
  }
}
