import type { Sender } from './events'
import type { Fleet } from './fleet'
import { cpuMeter } from './process'
import type { BenchServer } from './servers'

/** Events for a while, at a pace or as fast as the server takes them, until everybody has all of them. */

export type Burst = { cpuMs: number; events: number; tookMs: number }
/** Events a second; null: as many as eight at a time make. */
export type Pace = number | null

const sendersAtFullSpeed = 8
const patienceMs = 30_000

export async function burst(server: BenchServer, send: Sender, seconds: number, pace: Pace, fleets: Fleet[]): Promise<Burst> {
  const before = await tally(fleets)
  const spent = cpuMeter(server.pid)
  const startedAt = performance.now()
  const isOver = () => performance.now() - startedAt >= seconds * 1000
  const sent = pace === null ? await atFullSpeed(send, isOver) : await paced(send, isOver, pace, startedAt)
  await delivered(server, fleets, before, sent)
  return { cpuMs: spent() / 1000, events: sent.events, tookMs: performance.now() - startedAt }
}

type Sent = { events: number; bytes: number }

async function atFullSpeed(send: Sender, isOver: () => boolean): Promise<Sent> {
  const sent = { events: 0, bytes: 0 }
  const sender = async () => {
    while (!isOver()) {
      sent.bytes += await send()
      sent.events += 1
    }
  }
  await Promise.all(Array.from({ length: sendersAtFullSpeed }, sender))
  return sent
}

async function paced(send: Sender, isOver: () => boolean, perSecond: number, startedAt: number): Promise<Sent> {
  const pending: Promise<number>[] = []
  while (!isOver()) {
    pending.push(send())
    await Bun.sleep(Math.max(0, startedAt + (pending.length * 1000) / perSecond - performance.now()))
  }
  const bytes = await Promise.all(pending)
  return { events: pending.length, bytes: bytes.reduce((sum, each) => sum + each, 0) }
}

type Tally = { events: number; bytes: number; open: number }

async function tally(fleets: Fleet[]): Promise<Tally> {
  const answers = await Promise.all(fleets.map((fleet) => fleet.ask({ kind: 'count' })))
  const sum = (field: keyof Tally) => answers.reduce((total, answer) => total + answer[field], 0)
  return { events: sum('events'), bytes: sum('bytes'), open: sum('open') }
}

/** Resolves when all sockets have got all events. NATS puts several messages into one frame: there the bytes tell. */
async function delivered({ name, wire }: BenchServer, fleets: Fleet[], before: Tally, sent: Sent): Promise<void> {
  const deadline = performance.now() + patienceMs
  const counted = wire === 'nats' ? 'bytes' : 'events'
  for (;;) {
    const now = await tally(fleets)
    if (now.open < before.open) throw new Error(`${before.open - now.open} sockets of ${name} were closed`)
    const missing = sent[counted] * before.open - (now[counted] - before[counted])
    if (missing < 0 && counted === 'events') throw new Error(`${-missing} more events of ${name} arrived than were sent`)
    if (missing <= 0) return
    if (performance.now() > deadline) throw new Error(`${missing} ${counted} of deliveries by ${name} did not arrive`)
    await Bun.sleep(20)
  }
}
