import { enlist, openFleet, post, storeOf } from './fleet'
import { cpuMsOf } from './process'
import type { BenchServer } from './servers'
import { median, round, table } from './stats'

/**
 * One event to a thousand sockets of its store. The same is done without sockets, and what that takes is taken off: what
 * is left is the delivery.
 */

export type FanoutOptions = { rounds: number; seconds: number; sockets: number }
export type FanoutFigures = { paced: number; full: number; deliveriesPerSecond: number }

const eventsPerSecond = 50
/** What makes a frame of about 400 bytes of the notification around it. */
const message = 'x'.repeat(28)

type Burst = { cpuMs: number; events: number; tookMs: number }

/** Sends events for so long, at a pace or as fast as they are answered, and waits for `delivered`. */
async function burst(
  server: BenchServer,
  send: () => Promise<unknown>,
  seconds: number,
  perSecond: number | null,
  delivered: (events: number) => Promise<void>,
): Promise<Burst> {
  const cpuBefore = cpuMsOf(server.pid)
  const startedAt = performance.now()
  let events = 0
  const isOver = () => performance.now() - startedAt >= seconds * 1000
  if (perSecond === null) {
    const sender = async () => {
      while (!isOver()) {
        await send()
        events += 1
      }
    }
    await Promise.all(Array.from({ length: 8 }, sender))
  } else {
    const pending: Promise<unknown>[] = []
    while (!isOver()) {
      pending.push(send())
      events += 1
      await Bun.sleep(Math.max(0, startedAt + (events * 1000) / perSecond - performance.now()))
    }
    await Promise.all(pending)
  }
  await delivered(events)
  return { cpuMs: cpuMsOf(server.pid) - cpuBefore, events, tookMs: performance.now() - startedAt }
}

/** CPU µs a delivery at a pace and at full speed, and the deliveries a second of the latter. */
async function measureOnce(server: BenchServer, frame: string, { seconds, sockets }: FanoutOptions): Promise<FanoutFigures> {
  const send = storeOf(server)
    ? () => post(server, '/notifications', { message, level: 'info' })
    : () => fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', body: frame }).then((response) => response.text())
  const nobody = async () => {}
  const without = { paced: await burst(server, send, seconds, eventsPerSecond, nobody), full: await burst(server, send, seconds, null, nobody) }

  const fleet = openFleet()
  // The greeting, the answer to authenticate, and that it is live.
  await fleet.ask({ kind: 'open', port: server.port, groups: await enlist(server, sockets), framesEach: storeOf(server) ? 3 : 0 })
  let before = (await fleet.ask({ kind: 'count' })).frames
  const delivered = async (events: number) => {
    const deadline = performance.now() + 20_000
    for (;;) {
      const { frames, open } = await fleet.ask({ kind: 'count' })
      if (open < sockets) throw new Error(`${sockets - open} sockets of ${server.name} were closed`)
      if (frames - before >= events * sockets) {
        before = frames
        return
      }
      if (performance.now() > deadline) throw new Error(`${events * sockets - frames + before} deliveries of ${server.name} did not arrive`)
      await Bun.sleep(20)
    }
  }
  const paced = await burst(server, send, seconds, eventsPerSecond, delivered)
  const full = await burst(server, send, seconds, null, delivered)
  await fleet.ask({ kind: 'cut' })
  await fleet.end()
  const perDelivery = (withSockets: Burst, bare: Burst) =>
    ((withSockets.cpuMs - (bare.cpuMs / bare.events) * withSockets.events) * 1000) / (withSockets.events * sockets)
  return {
    paced: perDelivery(paced, without.paced),
    full: perDelivery(full, without.full),
    deliveriesPerSecond: (full.events * sockets * 1000) / full.tookMs,
  }
}

/** The bytes of a frame as ZipZap sends it, for its peers to send. */
export async function frameOf(server: BenchServer): Promise<string> {
  const fleet = openFleet()
  await fleet.ask({ kind: 'open', port: server.port, groups: await enlist(server, 1), framesEach: 3 })
  const { frames } = await fleet.ask({ kind: 'count' })
  await post(server, '/notifications', { message, level: 'info' })
  for (;;) {
    const answer = await fleet.ask({ kind: 'count' })
    const at = answer.first.lastIndexOf('{"type":"general_notification"')
    if (answer.frames > frames && at > 0) {
      await fleet.end()
      return answer.first.slice(at)
    }
    await Bun.sleep(5)
  }
}

/** Medians over the rounds, of each server; the first one is the measure. */
export async function measureFanout(servers: BenchServer[], frame: string, options: FanoutOptions): Promise<Map<string, FanoutFigures>> {
  const results = new Map<string, FanoutFigures[]>(servers.map((server) => [server.name, []]))
  for (let number = 0; number <= options.rounds; number++) {
    for (const server of number % 2 ? [...servers].reverse() : servers) {
      const figures = await measureOnce(server, frame, options)
      if (number > 0) results.get(server.name)?.push(figures)
      process.stderr.write(
        `${number === 0 ? 'warm-up' : `round ${number}`} ${server.name}: ${round(figures.paced, 2)} and ${round(figures.full, 2)} µs a delivery, ${round(figures.deliveriesPerSecond)} deliveries/s\n`,
      )
    }
  }
  const medianOf = (figures: FanoutFigures[], field: keyof FanoutFigures) => median(figures.map((each) => each[field]))
  return new Map(
    [...results].map(([name, figures]) => [
      name,
      { paced: medianOf(figures, 'paced'), full: medianOf(figures, 'full'), deliveriesPerSecond: medianOf(figures, 'deliveriesPerSecond') },
    ]),
  )
}

export function fanoutTable(figuresOf: Map<string, FanoutFigures>, frame: string): string {
  const rows = [...figuresOf].map(([name, { paced, full, deliveriesPerSecond }]) => [
    name,
    round(paced, 2),
    round(full, 2),
    round(deliveriesPerSecond),
  ])
  return table([`${frame.length} bytes to 1,000 sockets`, `CPU µs a delivery at ${eventsPerSecond}/s`, 'at full speed', 'deliveries/s'], rows)
}
