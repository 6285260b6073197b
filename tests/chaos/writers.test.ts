import { describe, expect, test } from 'bun:test'
import { type Evidence, type Faults, judge, type Promised } from './evidence'
import { runNaiveCursor } from './naive'
import { runWriters } from './writers'

const none: Faults = { contiguous: [], kept: [], unseen: [], once: [], heard: [] }
const databaseUrl = process.env.TEST_DATABASE_URL ?? null

test('writers, requests that fail, and kill -9: every promise is kept', async () => {
  const { faults, figures } = await runWriters({ databaseUrl, seconds: 2, writers: 32, stores: 20, kills: 1 })
  expect(faults).toEqual(none)
  expect(figures.acknowledged).toBeGreaterThan(30)
  expect(figures.refused).toBeGreaterThan(5)
  expect(figures.resumed).toBeGreaterThanOrEqual(20)
}, 60_000)

if (databaseUrl) {
  test('the same judge convicts a cursor over BIGSERIAL: holes where writes were rolled back, and events its reader never saw', async () => {
    const faults = judge(await runNaiveCursor(databaseUrl, { seconds: 2, writers: 32 }))
    expect(faults.heard.length).toBeGreaterThan(0)
    expect(faults.heard.every((fault) => fault.includes('missed'))).toBe(true)
    expect(faults.contiguous.length).toBeGreaterThan(0)
    const rest: Faults = { ...faults, heard: [], contiguous: [] }
    expect(rest).toEqual(none)
  }, 30_000)
}

/** Three changes of two orders in one stream, all told, all heard. */
const sound = (): Evidence => {
  const log = [
    { seq: 1, id: 'e1', subjectId: 'a', version: 1, marker: 'm1' },
    { seq: 2, id: 'e2', subjectId: 'b', version: 1, marker: 'm2' },
    { seq: 3, id: 'e3', subjectId: 'a', version: 2, marker: 'm1' },
  ].map((event) => ({ ...event, stream: 's' }))
  return {
    heads: [{ stream: 's', lastSeq: 3, prunedSeq: 0 }],
    log,
    rows: [
      { id: 'a', stream: 's', version: 2, marker: 'm1', number: 1001 },
      { id: 'b', stream: 's', version: 1, marker: 'm2', number: 1002 },
    ],
    acknowledged: log.map(({ id: _, ...event }) => event),
    refused: ['m3'],
    heard: [{ listener: 'l', stream: 's', after: 0, events: log.map(({ seq, id }) => ({ seq, id })) }],
  }
}

type HeardEvents = Evidence['heard'][number]['events']
const heardInstead = (change: (events: HeardEvents) => HeardEvents) => (evidence: Evidence) => ({
  heard: evidence.heard.map((heard) => ({ ...heard, events: change(heard.events) })),
})

describe('the judge', () => {
  test('finds nothing where everything is as promised, also after a part was pruned', () => {
    expect(judge(sound())).toEqual(none)
    const pruned = sound()
    pruned.heads = [{ stream: 's', lastSeq: 5, prunedSeq: 2 }]
    pruned.log = [3, 4, 5].map((seq) => ({ stream: 's', seq, id: `e${seq}`, subjectId: 'c', version: seq - 2, marker: null }))
    pruned.rows = [{ id: 'c', stream: 's', version: 3, marker: null, number: null }]
    pruned.acknowledged = []
    pruned.heard = [{ listener: 'l', stream: 's', after: 4, events: [{ seq: 5, id: 'e5' }] }]
    expect(judge(pruned)).toEqual(none)
  })

  const wrong: [string, Promised, (evidence: Evidence) => Partial<Evidence>][] = [
    ['a hole in the log', 'contiguous', ({ log }) => ({ log: log.toSpliced(1, 1) })],
    ['an event past the head', 'contiguous', ({ heads }) => ({ heads: heads.map((head) => ({ ...head, lastSeq: 2 })) })],
    ['a told order without a row', 'kept', ({ rows }) => ({ rows: rows.toSpliced(1, 1) })],
    ['a told change without an event', 'kept', ({ log }) => ({ log: log.toSpliced(2, 1) })],
    [
      'a told position that the log never reached',
      'kept',
      ({ acknowledged }) => ({ acknowledged: acknowledged.map((told) => ({ ...told, seq: 9 })) }),
    ],
    ['a refused order in the table', 'unseen', () => ({ refused: ['m2'] })],
    ['a heard event that was never logged', 'unseen', heardInstead((events) => [...events, { seq: 4, id: 'ghost' }])],
    ['one request, two orders', 'once', ({ rows }) => ({ rows: [...rows, { id: 'c', stream: 's', version: 0, marker: 'm2', number: 1003 }] })],
    ['a version without an event', 'once', ({ rows }) => ({ rows: rows.map((row) => ({ ...row, version: 2 })) })],
    ['a gap in the numbers', 'once', ({ rows }) => ({ rows: rows.map((row, index) => ({ ...row, number: 1001 + 2 * index })) })],
    ['a missed event', 'heard', heardInstead((events) => events.toSpliced(1, 1))],
    ['an event heard twice', 'heard', heardInstead((events) => events.flatMap((event) => [event, event]))],
    ['events in the wrong order', 'heard', heardInstead((events) => events.toReversed())],
    ['another event under the same number', 'heard', heardInstead((events) => events.map((event) => ({ ...event, id: 'e1' })))],
  ]
  test.each(wrong)('finds %s', (_, promised, spoil) => {
    const evidence = sound()
    expect(judge({ ...evidence, ...spoil(evidence) })[promised]).not.toEqual([])
  })
})
