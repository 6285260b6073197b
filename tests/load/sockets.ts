import { maskedFrame, upgradeOf } from '~/bench/handshake'
import { Wire } from './wire'

/**
 * Many WebSocket clients in one process, on bare TCP, so that they cost less than what they measure: while the clock runs
 * frames are counted by their heads, and read only afterwards. Commands and answers come and go by IPC.
 */

export type Position = { epoch: string; seq: number }
export type Member = { userId: string; token: string; storeId: string }
export type SocketGroup = { count: number; member: Member | null }

export type SocketCommand =
  /** Opens the sockets of the groups, and resolves when each has got so many frames. */
  | { kind: 'open'; port: number; groups: SocketGroup[]; framesEach: number; resumes: boolean }
  /** Cuts all sockets without a word. */
  | { kind: 'cut' }
  /** Holds what came since the last `open` against the protocol; with `missed`, against what each had to be sent. */
  | { kind: 'judge'; missed: Record<string, number> | null }

export type SocketAnswer = { tookMs: number; open: number; bytes: number; faults: string[] }

/** Sockets under way at the same time, from the connection to the last frame. */
const opening = 1_000
/** Addresses to connect to, so that ports of the last round that TCP still holds are not missed. */
const addresses = 4
const maxFaults = 10

type Frame = { type: string; stream?: string; seq?: number; epoch?: string; data: { live?: boolean; streams?: Record<string, Answer> } }
type Answer = Position & { resumed?: boolean; replayed?: number; reason?: string }

class Client {
  private wire = new Wire()
  private socket: Bun.Socket | undefined
  private asked: Record<string, Position> = {}
  private positions: Record<string, Position> = {}

  constructor(
    private readonly member: Member | null,
    private readonly hostname: string,
  ) {}

  get isOpen(): boolean {
    return this.socket !== undefined
  }

  get bytes(): number {
    return this.wire.bytes
  }

  async open(port: number, framesEach: number, resumes: boolean): Promise<void> {
    const { member } = this
    const done = Promise.withResolvers<void>()
    this.asked = resumes ? this.positions : {}
    const resume = resumes && { resume: this.asked }
    const first = member && JSON.stringify({ type: 'authenticate', data: { userId: member.userId, storeId: member.storeId, ...resume } })
    const wire = new Wire()
    this.wire = wire
    await Bun.connect({
      hostname: this.hostname,
      port,
      socket: {
        open: (socket) => {
          this.socket = socket
          socket.write(upgradeOf(port, member?.token))
        },
        data(socket, chunk) {
          const wasUpgraded = wire.isUpgraded
          wire.take(chunk)
          if (first && wire.isUpgraded && !wasUpgraded) socket.write(maskedFrame(first))
          if (wire.isUpgraded && wire.frames >= framesEach) done.resolve()
        },
        close: () => {
          this.socket = undefined
          done.reject(new Error(`the server closed a socket after ${wire.frames} frames: ${wire.start}`))
        },
      },
    })
    await done.promise
  }

  cut(): void {
    this.socket?.terminate()
    this.socket = undefined
  }

  /** What is wrong with what came; moves the positions on. */
  judge(missed: Record<string, number> | null): string[] {
    const frames = this.wire.texts().map((text) => JSON.parse(text) as Frame)
    const answer = frames.find((frame) => frame.type === 'general_notification' && frame.data.streams)?.data.streams
    if (!answer) return [`no answer to authenticate: ${frames.map((frame) => frame.type).join(', ')}`]
    const faults: string[] = []
    for (const [stream, { epoch, seq, resumed, replayed, reason }] of Object.entries(answer)) {
      const after = this.asked[stream]?.seq ?? seq
      if (missed && !resumed) faults.push(`${stream} was not resumed: ${reason}`)
      if (missed && replayed !== missed[stream]) faults.push(`${stream}: said to replay ${replayed}, not ${missed[stream]}`)
      const seqs = frames.filter((frame) => frame.stream === stream).map((frame) => frame.seq)
      const due = Array.from({ length: seq - after }, (_, index) => after + 1 + index)
      if (seqs.join() !== due.join()) faults.push(`${stream} after ${after}: got ${seqs.join()}, not ${due.join()}`)
      this.positions[stream] = { epoch, seq }
    }
    const live = frames.findIndex((frame) => frame.data.live)
    if (live < 0 || frames.findLastIndex((frame) => frame.stream) > live) faults.push('the missed events did not end with a sync that says live')
    return faults
  }
}

let clients: Client[] = []

async function openAll({ port, groups, framesEach, resumes }: SocketCommand & { kind: 'open' }): Promise<void> {
  // In turns, as people come back: not all sockets of one user, then all of the next.
  const most = Math.max(...groups.map(({ count }) => count))
  const members = Array.from({ length: most }, (_, turn) => groups.filter(({ count }) => turn < count).map(({ member }) => member)).flat()
  if (!resumes) clients = members.map((member, index) => new Client(member, `127.0.0.${1 + (index % addresses)}`))
  const left = clients.values()
  const openSome = async () => {
    for (const client of left) await client.open(port, framesEach, resumes)
  }
  await Promise.all(Array.from({ length: opening }, openSome))
}

async function perform(command: SocketCommand): Promise<SocketAnswer> {
  const startedAt = performance.now()
  if (command.kind === 'open') await openAll(command)
  const tookMs = performance.now() - startedAt
  if (command.kind === 'cut') for (const client of clients) client.cut()
  const { missed } = command.kind === 'judge' ? command : { missed: null }
  const faults = command.kind === 'judge' ? clients.flatMap((client) => client.judge(missed)) : []
  return {
    tookMs,
    open: clients.filter((client) => client.isOpen).length,
    bytes: clients.reduce((sum, client) => sum + client.bytes, 0),
    faults: faults.slice(0, maxFaults),
  }
}

if (import.meta.main) {
  process.on('message', (command: SocketCommand) => {
    perform(command).then(
      (answer) => process.send?.(answer),
      (error: unknown) => process.send?.({ error: String(error) }),
    )
  })
  process.on('disconnect', () => process.exit(0))
}
