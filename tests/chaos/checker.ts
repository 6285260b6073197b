import { type Acknowledged, type Head, judge, type Logged, type Promised, type Row, promises as told } from './evidence'

/**
 * The history of a run under faults, and the checker who compares it with what the database holds at the end. What
 * concerns the log and the rows alone is judged by evidence.ts; here it is what screens were sent and tills were answered.
 */

export type Frame = { seq: number; id: string; epoch: string; type: string; data: string; arrivedAt: number; delayMs: number }
/** One connection's part in a stream: from `after` on it must get every event once, in order. */
export type Run = { after: number; frames: Frame[] }
/** All that one screen was sent of a stream, connection after connection (two may overlap while it moves). */
export type Watched = { screen: string; userId: string; stream: string; runs: Run[] }
export type LoggedFrame = Omit<Logged, 'marker'> & { marker: string | null; epoch: string; type: string; data: string }
/** Every attempt of a request. Status 0: no answer came. */
export type Attempt = { request: string; atMs: number; tookMs: number; status: number; code: string | null }
/** The event by which a member lost the store. */
export type Revocation = { userId: string; stream: string; seq: number }

/** What a fault may cost, and for how long. */
export type Allowance = {
  /** Answers besides 2xx that a till may get while the fault lasts. */
  statuses: number[]
  /** The longest that an event may be on its way. */
  delayMs: number
  /** The longest that an attempt may last. */
  answerMs: number
}

export type History = {
  heads: Head[]
  log: LoggedFrame[]
  rows: Row[]
  acknowledged: Acknowledged[]
  refused: string[]
  watched: Watched[]
  attempts: Attempt[]
  revocations: Revocation[]
  /** What contradicted the protocol at once. */
  complaints: string[]
  allowance: Allowance
}

export const chaosPromises = {
  ...told,
  true: 'every frame says what the log says',
  revoked: 'nothing logged after a revocation is sent to whom it concerns',
  answered: 'no request fails that need not',
  prompt: 'no event and no answer is later than allowed',
  agreed: 'every return goes on where the client was',
} as const
export type ChaosPromise = keyof typeof chaosPromises
export type Verdict = Record<ChaosPromise, string[]>

export function check(history: History): Verdict {
  const { heads, log, rows, acknowledged, refused } = history
  const ofLog: Record<Promised, string[]> = judge({ heads, log, rows, acknowledged, refused, heard: [] })
  return {
    ...ofLog,
    unseen: [...ofLog.unseen, ...phantoms(history)],
    heard: history.watched.flatMap((watched) => [...watched.runs.flatMap((run) => disorder(watched, run)), ...missing(history, watched)]),
    true: lies(history),
    revoked: leaks(history),
    answered: failures(history),
    prompt: latecomers(history),
    agreed: history.complaints,
  }
}

/** A connection skips nothing and repeats nothing. */
function disorder({ screen, stream }: Watched, { after, frames }: Run): string[] {
  return frames.flatMap(({ seq }, index) => {
    const expected = (frames[index - 1]?.seq ?? after) + 1
    return seq === expected ? [] : [`${screen} was sent ${seq} of ${stream} in place of ${expected}`]
  })
}

/** All connections together leave nothing out, from where the first began to the end of the log. */
function missing({ heads, revocations }: History, { screen, userId, stream, runs }: Watched): string[] {
  const isRevoked = revocations.some((revocation) => revocation.userId === userId && revocation.stream === stream)
  const sent = new Set(runs.flatMap((run) => run.frames.map((frame) => frame.seq)))
  const first = runs[0]?.after ?? 0
  // Whoever lost the store may have missed its last moments.
  const last = isRevoked ? Math.max(first, ...sent) : (heads.find((head) => head.stream === stream)?.lastSeq ?? 0)
  const missed = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + 1 + index).filter((seq) => !sent.has(seq))
  return missed.map((seq) => `${screen} was never sent ${seq} of ${stream}`)
}

const framesOf = ({ watched }: History) =>
  watched.flatMap(({ screen, userId, stream, runs }) => runs.flatMap((run) => run.frames.map((frame) => ({ screen, userId, stream, frame }))))

function phantoms(history: History): string[] {
  const known = new Set(history.log.map((event) => `${event.stream} ${event.id}`))
  return framesOf(history)
    .filter(({ stream, frame }) => !known.has(`${stream} ${frame.id}`))
    .map(({ screen, stream, frame }) => `${screen} was sent ${frame.seq} of ${stream}, which is not in the log`)
}

function lies(history: History): string[] {
  const byPlace = new Map(history.log.map((event) => [`${event.stream} ${event.seq}`, event]))
  return framesOf(history).flatMap(({ screen, stream, frame }) => {
    const event = byPlace.get(`${stream} ${frame.seq}`)
    if (!event) return []
    const wrong = (['id', 'epoch', 'type', 'data'] as const).filter((field) => event[field] !== frame[field])
    return wrong.map((field) => `${screen} was sent another ${field} with ${frame.seq} of ${stream} than the log has`)
  })
}

function leaks(history: History): string[] {
  return history.revocations.flatMap((revocation) =>
    framesOf(history)
      .filter(({ userId, stream, frame }) => userId === revocation.userId && stream === revocation.stream && frame.seq > revocation.seq)
      .map(({ screen, stream, frame }) => `${screen} was sent ${frame.seq} of ${stream}, which it lost with ${revocation.seq}`),
  )
}

function failures({ attempts, allowance }: History): string[] {
  return attempts
    .filter(({ status }) => (status < 200 || status > 299) && !allowance.statuses.includes(status))
    .map(({ request, status, code, tookMs }) => `${request} was answered ${status} ${code ?? ''} after ${Math.round(tookMs)} ms`)
}

function latecomers(history: History): string[] {
  const { delayMs, answerMs } = history.allowance
  const late = framesOf(history).filter(({ frame }) => frame.delayMs > delayMs)
  const slow = history.attempts.filter(({ tookMs }) => tookMs > answerMs)
  return [
    ...late.map(({ screen, stream, frame }) => `${screen} was sent ${frame.seq} of ${stream} ${Math.round(frame.delayMs)} ms late`),
    ...slow.map(({ request, tookMs, status }) => `${request} waited ${Math.round(tookMs)} ms for ${status}`),
  ]
}
