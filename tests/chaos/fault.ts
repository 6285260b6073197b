import type { Arena, Place, RelayKind } from './arena'
import type { Allowance } from './checker'

/** What goes wrong, and what it may cost meanwhile. While one of these runs, tills write and screens watch. */

export type Scene = { stores: { storeId: string; productId: string }[]; seconds: number }
export type Fault = {
  name: string
  title: string
  relay?: RelayKind
  /** How long it lasts: in the short version, and at least in the long one. */
  seconds: [short: number, long: number]
  /** Whether the manager loses the first store in the middle of it. */
  revokes?: boolean
  tillsPerStore?: number
  screensPerStore?: number
  allowance: Partial<Allowance>
  /** Of the first store, when it alone is concerned. */
  ofFirstStore?: Partial<Allowance>
  run(arena: Arena, scene: Scene): Promise<void>
}

export const seconds = (count: number) => Bun.sleep(count * 1000)

/** Calls `hit` every `everySeconds` for the time of the scene. */
export async function repeatedly(scene: Scene, everySeconds: number, hit: (round: number) => unknown): Promise<void> {
  const rounds = Math.max(1, Math.floor(scene.seconds / everySeconds))
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now()
    await hit(round)
    await Bun.sleep(Math.max(0, everySeconds * 1000 - (performance.now() - startedAt)))
  }
}

export const placeAt = (arena: Arena, index: number): Place => {
  const place = arena.places[index % arena.places.length]
  if (!place) throw new Error('there is no instance')
  return place
}

export async function untilReady(place: Place): Promise<void> {
  const deadline = performance.now() + 30_000
  while ((await place.api.get('/health/ready').catch(() => null))?.status !== 200) {
    if (performance.now() > deadline) throw new Error('an instance does not get ready')
    await Bun.sleep(100)
  }
}

export const killBackends = (arena: Arena, names: string[]) =>
  arena.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name in ${arena.sql(names)}`

/** The time that the fault itself takes, a connection's back-off, and a machine that does a lot at once. */
export const slowAnswerMs = 12_000
