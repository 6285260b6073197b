import { describe, expect, test } from 'bun:test'
import { type ChaosPromise, check, type Frame, type History, type LoggedFrame, type Run } from './chaos/checker'

/** A sound history: six orders; one screen that stayed, one that came back after the third event, one that lost the store. */
function sound(): History {
  const seqs = [1, 2, 3, 4, 5, 6]
  const log: LoggedFrame[] = seqs.map((seq) => ({
    stream: 's',
    seq,
    id: `e${seq}`,
    subjectId: `o${seq}`,
    version: 1,
    marker: `m${seq}`,
    epoch: 'one',
    type: 'order_created',
    data: `{"order":${seq}}`,
  }))
  const frameOf = ({ seq, id, epoch, type, data }: LoggedFrame): Frame => ({ seq, id, epoch, type, data, arrivedAt: 0, delayMs: 5 })
  const framesOf = (after: number, last: number) => log.filter(({ seq }) => seq > after && seq <= last).map(frameOf)
  return {
    heads: [{ stream: 's', lastSeq: 6, prunedSeq: 0 }],
    log,
    rows: seqs.map((seq) => ({ id: `o${seq}`, stream: 's', version: 1, marker: `m${seq}`, number: 1000 + seq })),
    acknowledged: seqs.map((seq) => ({ subjectId: `o${seq}`, version: 1, stream: 's', seq, marker: `m${seq}` })),
    refused: ['m7'],
    watched: [
      { screen: 'steady', userId: 'a', stream: 's', runs: [{ after: 0, frames: framesOf(0, 6) }] },
      {
        screen: 'back',
        userId: 'a',
        stream: 's',
        runs: [
          { after: 1, frames: framesOf(1, 3) },
          { after: 2, frames: framesOf(2, 6) },
        ],
      },
      { screen: 'gone', userId: 'b', stream: 's', runs: [{ after: 0, frames: framesOf(0, 3) }] },
    ],
    attempts: seqs.map((seq) => ({ request: `m${seq}`, atMs: seq, tookMs: 9, status: 201, code: null })),
    revocations: [{ userId: 'b', stream: 's', seq: 4 }],
    complaints: [],
    allowance: { statuses: [503], delayMs: 1000, answerMs: 1000 },
  }
}

const runOf = (history: History, screen: number, run: number): Run => {
  const found = history.watched[screen]?.runs[run]
  if (!found) throw new Error('there is no such run')
  return found
}
const frameAt = (history: History, index: number): Frame => {
  const found = runOf(history, 0, 0).frames[index]
  if (!found) throw new Error('there is no such frame')
  return found
}

test('the checker finds nothing in a sound history, with an overlap and a failure that was allowed', () => {
  const history = sound()
  history.attempts.push({ request: 'm8', atMs: 9, tookMs: 9, status: 503, code: 'unavailable' })
  expect(Object.values(check(history)).flat()).toEqual([])
})

describe('the checker finds', () => {
  const falsified: [string, ChaosPromise, (history: History) => void][] = [
    ['a frame that was lost on a connection', 'heard', (history) => runOf(history, 0, 0).frames.splice(2, 1)],
    ['the last frame that never came', 'heard', (history) => runOf(history, 0, 0).frames.pop()],
    ['a frame that came twice', 'heard', (history) => runOf(history, 0, 0).frames.splice(2, 0, frameAt(history, 1))],
    ['frames in another order', 'heard', (history) => runOf(history, 0, 0).frames.reverse()],
    ['a return that skipped what it missed', 'heard', (history) => Object.assign(runOf(history, 1, 1), { after: 4 })],
    ['a return that repeated what it had', 'heard', (history) => Object.assign(runOf(history, 1, 1), { after: 3 })],
    ['a screen that never heard anything', 'heard', (history) => Object.assign(runOf(history, 0, 0), { frames: [] })],
    ['a hole before a revocation', 'heard', (history) => runOf(history, 2, 0).frames.splice(1, 1)],
    ['a frame of an event that was never logged', 'unseen', (history) => Object.assign(frameAt(history, 5), { id: 'ghost' })],
    ['a refused write that is there', 'unseen', (history) => history.refused.push('m3')],
    ['an event of another write under the same number', 'true', (history) => Object.assign(frameAt(history, 3), { id: 'e2' })],
    ['wrong content', 'true', (history) => Object.assign(frameAt(history, 3), { data: '{"order":5}' })],
    ['another type', 'true', (history) => Object.assign(frameAt(history, 3), { type: 'order_updated' })],
    ['another epoch', 'true', (history) => Object.assign(frameAt(history, 3), { epoch: 'two' })],
    ['a frame after a revocation', 'revoked', (history) => runOf(history, 2, 0).frames.push(frameAt(history, 3), frameAt(history, 4))],
    ['an acknowledged write without a row', 'kept', (history) => history.rows.pop()],
    ['an acknowledged write without an event', 'kept', (history) => history.log.pop()],
    ['an acknowledged position beyond the log', 'kept', (history) => history.heads.map((head) => Object.assign(head, { lastSeq: 5 }))],
    ['a write that was done twice', 'once', (history) => history.rows.push({ id: 'o9', stream: 's', version: 1, marker: 'm2', number: 1007 })],
    ['a hole in the log', 'contiguous', (history) => history.log.splice(3, 1)],
    ['an answer that was not allowed', 'answered', (history) => history.attempts.map((attempt) => Object.assign(attempt, { status: 502 }))],
    ['a connection that ended without an answer', 'answered', (history) => history.attempts.map((attempt) => Object.assign(attempt, { status: 0 }))],
    ['a frame that came too late', 'prompt', (history) => Object.assign(frameAt(history, 3), { delayMs: 2000 })],
    ['an answer that took too long', 'prompt', (history) => history.attempts.map((attempt) => Object.assign(attempt, { tookMs: 5000 }))],
    ['a client that was refused its position', 'agreed', (history) => history.complaints.push('back could not go on')],
  ]
  test.each(falsified)('%s', (_, promise, spoil) => {
    const history = sound()
    spoil(history)
    expect(check(history)[promise]).not.toEqual([])
  })
})
