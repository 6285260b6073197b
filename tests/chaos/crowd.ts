/**
 * Many sockets in a process of their own: one that can be stopped like a machine that went to sleep, and whose work does
 * not slow down the proxies and tills of the run. Each socket comes back when it is cut, and goes on where it was. Says
 * `live <n>` whenever the number of live sockets changes, and `wrong <what>` when a stream skips or repeats.
 *
 *   bun tests/chaos/crowd.ts '{"port":8080,"storeId":"…","count":200,"people":[{"id":"…","token":"…"}]}'
 */

export type CrowdOrder = { port: number; storeId: string; count: number; people: { id: string; token: string }[] }

type Position = { epoch: string; seq: number }
type Message = Partial<Position> & { type: string; stream?: string; data: { code?: string; live?: boolean; streams?: Record<string, Position> } }

/** A crowd spreads its returns, as the client library does. */
const returnWithinMs = 2_000

let live = 0

class Guest {
  private readonly positions = new Map<string, Position>()
  private isLive = false

  constructor(
    private readonly order: CrowdOrder,
    private readonly person: { id: string; token: string },
  ) {}

  open(): void {
    const socket = new WebSocket(`ws://127.0.0.1:${this.order.port}/ws`)
    socket.addEventListener('open', () => {
      const data = { userId: this.person.id, token: this.person.token, storeId: this.order.storeId, resume: Object.fromEntries(this.positions) }
      socket.send(JSON.stringify({ type: 'authenticate', data }))
    })
    socket.addEventListener('message', ({ data }) => this.receive(socket, JSON.parse(String(data))))
    socket.addEventListener('close', () => {
      this.turn(false)
      setTimeout(() => this.open(), Math.random() * returnWithinMs)
    })
  }

  private receive(socket: WebSocket, message: Message): void {
    if (message.stream !== undefined) this.take(message.stream, message)
    else if (message.type === 'general_notification' && message.data.streams) this.begin(message.data.streams)
    else if (message.type === 'sync' && message.data.live) this.turn(true)
    else if (message.type === 'error') socket.close()
  }

  private begin(streams: Record<string, Position>): void {
    for (const [stream, { epoch, seq }] of Object.entries(streams)) if (!this.positions.has(stream)) this.positions.set(stream, { epoch, seq })
  }

  private take(stream: string, { epoch = '', seq = 0 }: Partial<Position>): void {
    const position = this.positions.get(stream)
    if (!position || seq !== position.seq + 1 || epoch !== position.epoch) console.log(`wrong ${stream}: ${seq} after ${position?.seq}`)
    this.positions.set(stream, { epoch, seq })
  }

  private turn(isLive: boolean): void {
    if (this.isLive === isLive) return
    this.isLive = isLive
    live += isLive ? 1 : -1
    console.log(`live ${live}`)
  }
}

if (import.meta.main) {
  const order: CrowdOrder = JSON.parse(process.argv[2] ?? '')
  for (let index = 0; index < order.count; index++) {
    const person = order.people[index % order.people.length]
    if (person) setTimeout(() => new Guest(order, person).open(), (index * returnWithinMs) / order.count)
  }
}
