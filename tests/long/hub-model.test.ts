import { beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { controlledServer } from '../support/controlled'
import type { Filter } from '../support/entitlement'
import { type Cast, ModelRun, registerCast, type Step } from '../support/hub-model'

/**
 * Random histories of three clients against the real hub: whatever happens, each stream reaches each client as a
 * contiguous part of what it may see, or the client is told to reload. By hand: HUB_MODEL_RUNS=1000, and
 * HUB_MODEL_SEED=… to repeat a run whose seed was printed.
 */

const numRuns = Number(process.env.HUB_MODEL_RUNS ?? 20)
const seed = Number(process.env.HUB_MODEL_SEED ?? Math.floor(Math.random() * 2 ** 31))

let cast: Cast
beforeAll(async () => {
  cast = await registerCast(await controlledServer())
}, 60_000)

const who = fc.nat(2)
const store = fc.nat(1)
const someFilter: fc.Arbitrary<Filter> = fc.record(
  {
    events: fc.subarray(['product_updated', 'category_updated', 'order_created', 'order_status_changed', 'customer_created', 'store_updated'], {
      minLength: 1,
    }),
    where: fc.record(
      { status: fc.subarray(['pending', 'confirmed', 'completed'], { minLength: 1 }), type: fc.constant(['pickup']) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [], noNullPrototype: true },
)
/** A filter that asks for nothing is none. */
const filter = fc.option(someFilter).map((choice) => (choice && (choice.events || choice.where) ? choice : null))
const recall = fc.constantFrom('memory', 'memory', 'memory', 'device', 'nothing')

/** Never slow: a run has dozens of these. */
const common: fc.MaybeWeightedArbitrary<Step>[] = [
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('write'),
      store,
      what: fc.constantFrom('category', 'product', 'customer', 'order', 'status', 'notification', 'profile'),
      times: fc.integer({ min: 1, max: 12 }),
      waits: fc.boolean(),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('connect'), who, store, filter, recall, waits: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('authenticate'), who, store, filter, recall: fc.constantFrom('memory', 'nothing') }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('subscribe'), who, store, filter, withResume: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('unsubscribe', 'ack', 'ack'), who, store }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('cut', 'cut', 'cut', 'close', 'forget', 'pause', 'resume'), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('role'), who, store, role: fc.constantFrom('manager', 'staff', 'kitchen', null) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pretend'), who, store, ahead: fc.integer({ min: 1, max: 100 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('prune'), store, share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('epoch'), store }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stall'), ms: fc.constantFrom(30, 300) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'settle' }) },
]

/** They take seconds: at most a few, and only in one run of ten. */
const rare: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>({ do: 'restart' }),
  fc.record({ do: fc.constant('flood'), store, who }),
  fc.record({ do: fc.constantFrom('fallSilent', 'logout'), who }),
)

const history: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.array(fc.oneof(...common), { minLength: 10, maxLength: 40, size: 'max' }),
    fc.nat(9),
    fc.array(fc.tuple(fc.nat(40), rare), { minLength: 1, maxLength: 3 }),
  )
  .map(([steps, lot, extras]) => {
    const all = [...steps]
    if (lot === 0) for (const [at, step] of extras) all.splice(at, 0, step)
    return all
  })

test(`no history loses, doubles, reorders or leaks an event (${numRuns} runs, seed ${seed})`, async () => {
  let last: ModelRun | undefined
  let faults: string[] = []
  const property = fc.asyncProperty(history, async (steps) => {
    const run = await ModelRun.begin(cast)
    last = run
    faults = []
    for (const step of steps) await run.perform(step)
    faults = await run.finish()
    if (faults.length > 0) throw new Error('see the faults')
  })
  const result = await fc.check(property, { numRuns, seed, endOnFailure: process.env.HUB_MODEL_SHRINK === undefined })
  if (result.failed) console.error(`${last?.story()}\n${fc.defaultReportMessage(result)}\n${faults.join('\n')}`, result.errorInstance)
  expect(result.failed).toBe(false)
}, 3_600_000)
