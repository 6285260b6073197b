import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { LoggedFrame } from '~/ui/client/frames'
import { type Change, type LiveRow, reduce } from '~/ui/hooks/live-list'

/** Rows of a log: what each event leaves of its row; `isOpen` is the list's filter. */
type Row = LiveRow & { isOpen: boolean }
type Log = { frame: LoggedFrame; row: Row }[]

const epoch = 'e1'
const idOf = (index: number) => `row-${index}`

/** A frame needs only its place here: the row that it brings is looked up by seq. */
const asFrame = (place: { epoch: string; seq: number }) => place as LoggedFrame

function logOf(steps: { row: number; isOpen: boolean }[]): Log {
  const versions = new Map<number, number>()
  return steps.map(({ row, isOpen }, index) => {
    const version = (versions.get(row) ?? 0) + 1
    versions.set(row, version)
    return { frame: asFrame({ epoch, seq: index + 1 }), row: { id: idOf(row), version, createdAt: `2026-01-01T00:00:${10 + row}.000Z`, isOpen } }
  })
}

/** The list as the server would answer it after `seq`. */
function listAt(log: Log, seq: number): Row[] {
  const rows = new Map(log.slice(0, seq).map(({ row }) => [row.id, row]))
  return [...rows.values()].filter((row) => row.isOpen).sort((a, b) => b.createdAt.localeCompare(a.createdAt))
}

const step = fc.record({ row: fc.integer({ min: 0, max: 9 }), isOpen: fc.boolean() })

test('a list with the events after it is the list as it would be read later, however events overlap and are batched', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 7 }), (steps, readAt, from, batch) => {
      const log = logOf(steps)
      const seq = readAt % (log.length + 1)
      const changeOf = (frame: LoggedFrame): Change<Row> => {
        const row = log[frame.seq - 1]?.row
        return row && { row, isIn: row.isOpen }
      }
      let data = { rows: listAt(log, seq) as readonly Row[], position: { epoch, seq }, isComplete: true } as Parameters<typeof reduce<Row>>[0]
      // The stream may begin before the list was read.
      const frames = log.slice(from % (seq + 1)).map((entry) => entry.frame)
      for (let index = 0; index < frames.length; index += batch) {
        data = reduce(data, frames.slice(index, index + batch), { changeOf, limit: 100 }).data
      }
      expect(data.rows).toEqual(listAt(log, log.length))
    }),
    { numRuns: 300 },
  )
})

test('a list that was cut is read anew when a place in it becomes free', () => {
  const log = logOf([0, 1, 2].map((row) => ({ row, isOpen: true })))
  const [first] = log
  if (!first) throw new Error('no row')
  const closed = { ...first.row, version: 2, isOpen: false }
  const known = { rows: [log[2]?.row ?? closed, first.row], position: { epoch, seq: 3 }, isComplete: false }
  const changeOf = (): Change<Row> => ({ row: closed, isIn: false })
  expect(reduce(known, [asFrame({ epoch, seq: 4 })], { changeOf, limit: 2 })).toMatchObject({ isStale: true, data: { position: { seq: 4 } } })
})
