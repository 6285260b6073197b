import type { Arena } from './arena'
import { type Allowance, type Attempt, check, type Frame, type History, type LoggedFrame, type Revocation, type Verdict } from './checker'
import { type Query, readAll } from './database'
import type { Fault, Scene } from './fault'
import { Screen } from './screen'
import { Till } from './till'

export type Outcome = { verdict: Verdict; figures: Record<string, string | number> }

const usual: Allowance = { statuses: [], delayMs: 6_000, answerMs: 6_000 }
const pauseMs = 60

type Store = Scene['stores'][number] & { screens: Screen[]; tills: Till[] }

/** One fault from beginning to end: people at work, the fault, quiet, and the comparison with what the database holds. */
export async function play(arena: Arena, fault: Fault, length: 'short' | 'long'): Promise<Outcome> {
  await arena.switchRelay(fault.relay ?? 'redis')
  await quiet(arena)
  const stores = await Promise.all([0, 1].map((index) => openStore(arena, fault, index)))
  const scene: Scene = { stores, seconds: fault.seconds[length === 'short' ? 0 : 1] }
  const complaints: string[] = []
  let isOpen = true
  const working = Promise.all(stores.flatMap(({ tills }) => tills.map((till) => till.work(() => isOpen, pauseMs))))
  await Bun.sleep(1_000)
  const from = Date.now()
  await Promise.all([
    fault.run(arena, scene).catch((error: Error) => complaints.push(error.message)),
    fault.revokes ? revoke(arena, stores[0], scene.seconds) : null,
  ])
  const during = { from, to: Date.now() }
  await Bun.sleep(1_000)
  isOpen = false
  await working
  if (!(await quiet(arena))) complaints.push('the instances are not well again')
  const histories = await gather(arena, fault, stores, complaints)
  return { verdict: unite(histories.map(check)), figures: figuresOf(histories, stores, during) }
}

/** Waits until all is well; false when that takes too long. */
async function quiet(arena: Arena): Promise<boolean> {
  const deadline = performance.now() + 40_000
  while (!(await arena.isWell())) {
    if (performance.now() > deadline) return false
    await Bun.sleep(200)
  }
  return true
}

async function openStore(arena: Arena, fault: Fault, index: number): Promise<Store> {
  const store = await arena.furnish(`${fault.name} ${index}`)
  const people = Array.from({ length: fault.screensPerStore ?? 4 }, (_, at) => (at % 2 === 0 ? arena.owner : arena.manager))
  const screens = people.map((user, at) => new Screen(`screen ${index}/${at}`, arena.nginx.port, user, store.storeId))
  await Promise.all(screens.map((screen) => screen.start()))
  const tills = Array.from(
    { length: fault.tillsPerStore ?? 2 },
    (_, at) => new Till(`${fault.name}-till-${index}-${at}`, arena.base, arena.owner.token, store.storeId, store.productId),
  )
  return { ...store, screens, tills }
}

/** Somewhere in the middle of the fault; repeated until it is answered. */
async function revoke(arena: Arena, store: Store | undefined, withinSeconds: number): Promise<void> {
  await Bun.sleep(withinSeconds * 1000 * (0.2 + Math.random() * 0.5))
  const remove = () => arena.as(arena.owner).delete(`/stores/${store?.storeId}/members/${arena.manager.id}`)
  while (![200, 404].includes((await remove().catch(() => null))?.status ?? 0)) await Bun.sleep(200)
}

async function gather(arena: Arena, fault: Fault, stores: Store[], complaints: string[]): Promise<History[]> {
  const query: Query = async <Result>(text: string) => (await arena.sql.unsafe(text)) as unknown as Result[]
  const found = await readAll(query)
  const last = new Map(found.heads.map((head) => [head.stream, head.lastSeq]))
  for (const { screens, storeId } of stores) {
    const revoked = new Set((await revocationsOf(query, storeId)).map(({ userId }) => userId))
    for (const screen of screens)
      for (const stream of screen.watched.keys())
        if (!(revoked.has(screen.user.id) && stream.startsWith('store:')) && !(await screen.hasReached(stream, last.get(stream) ?? 0, 20_000)))
          complaints.push(`${screen.name} never caught up with ${stream}`)
  }
  for (const screen of stores.flatMap(({ screens }) => screens)) screen.stop()
  return Promise.all(
    stores.map(async ({ storeId, screens, tills }, index): Promise<History> => {
      const watched = screens.flatMap((screen) => [...screen.watched.values()])
      const streams = new Set([`store:${storeId}`, ...watched.map(({ stream }) => stream)])
      const isOurs = ({ stream }: { stream: string }) => streams.has(stream)
      return {
        heads: found.heads.filter(isOurs),
        log: await framesOfLog(query, [...streams]),
        rows: found.rows.filter(isOurs),
        acknowledged: tills.flatMap((till) => till.acknowledged),
        refused: refusedOf(tills.flatMap((till) => till.attempts)),
        watched,
        attempts: tills.flatMap((till) => till.attempts),
        revocations: await revocationsOf(query, storeId),
        complaints: [...(index === 0 ? complaints : []), ...screens.flatMap((screen) => screen.complaints)],
        allowance: { ...usual, ...fault.allowance, ...(index === 0 ? fault.ofFirstStore : {}) },
      }
    }),
  )
}

const named = (streams: string[]) => streams.map((stream) => `'${stream}'`).join(', ')

async function framesOfLog(query: Query, streams: string[]): Promise<LoggedFrame[]> {
  const rows =
    await query<LoggedFrame>(`select e.stream, e.seq::float8 as seq, e.id, e.subject_id as "subjectId", e.data #>> '{order,note}' as marker,
      coalesce(e.data #>> '{order,version}', e.data #>> '{product,version}')::int as version, s.epoch, e.type, e.data::text as data
    from events e join streams s using (stream) where e.stream in (${named(streams)}) order by e.stream, e.seq`)
  return rows.map((row) => ({ ...row, data: JSON.stringify(JSON.parse(row.data)) }))
}

const revocationsOf = (query: Query, storeId: string) =>
  query<Revocation>(`select subject_id as "userId", stream, max(seq)::float8 as seq from events
    where stream = 'store:${storeId}' and data ->> 'action' = 'member_removed' group by 1, 2`)

/** Requests whose only answer was a refusal: these must not have happened. */
function refusedOf(attempts: Attempt[]): string[] {
  const last = new Map(attempts.map((attempt) => [attempt.request, attempt]))
  return [...last.values()]
    .filter(({ status, code }) => status >= 400 && status < 500 && code !== 'idempotency_in_progress')
    .map(({ request }) => request)
}

const unite = (verdicts: Verdict[]): Verdict =>
  verdicts.reduce(
    (all, verdict) =>
      Object.fromEntries((Object.keys(all) as (keyof Verdict)[]).map((promise) => [promise, [...all[promise], ...verdict[promise]]])) as Verdict,
  )

/** `during` is the time from the first harm to the last repair. */
function figuresOf(histories: History[], stores: Store[], during: { from: number; to: number }): Outcome['figures'] {
  const attempts = histories.flatMap((history) => history.attempts)
  const frames = histories.flatMap((history) => history.watched.flatMap(({ runs }) => runs.flatMap((run) => run.frames)))
  const delays = frames.map((frame) => frame.delayMs).sort((a, b) => a - b)
  const isOutside = ({ arrivedAt, delayMs }: Frame) => arrivedAt < during.from || arrivedAt - delayMs > during.to
  const latest = (those: Frame[]) => Math.round(those.reduce((most, frame) => Math.max(most, frame.delayMs), 0))
  const failed = Map.groupBy(
    attempts.filter(({ status }) => status < 200 || status > 299),
    ({ status }) => status,
  )
  const screens = stores.flatMap((store) => store.screens)
  return {
    writes: histories.reduce((sum, history) => sum + history.acknowledged.length, 0),
    events: histories.reduce((sum, { log }) => sum + log.filter(({ stream }) => stream.startsWith('store:')).length, 0),
    frames: frames.length,
    returns: screens.reduce((sum, screen) => sum + screen.closes.length, 0),
    'failed attempts': [...failed].map(([status, those]) => `${those.length} × ${status || 'cut'}`).join(', ') || '0',
    'longest answer ms': Math.round(Math.max(0, ...attempts.map(({ tookMs }) => tookMs))),
    'delay p50 ms': Math.round(delays[Math.floor(delays.length / 2)] ?? 0),
    'delay p99 ms': Math.round(delays[Math.floor(delays.length * 0.99)] ?? 0),
    'delay max within ms': latest(frames.filter((frame) => !isOutside(frame))),
    'delay max outside ms': latest(frames.filter(isOutside)),
  }
}
