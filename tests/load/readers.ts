import { Reader } from './reader'
import type { Member } from './sockets'

/** Readers in a process of their own. Commands and answers come and go by IPC. */

export type ReaderCommand =
  /** Opens one socket for each member of the list; answers when all are live. */
  | { kind: 'open'; port: number; members: Member[] }
  | { kind: 'pause' | 'resume' | 'end' }
  /** Answers when everybody has got so far, or nobody gets any further for so long. */
  | { kind: 'reach'; seq: number; stalledMs: number }
  /** What came since the last time. */
  | { kind: 'take' }
export type ReaderAnswer = { delays: number[]; closes: number; seqs: number[]; faults: string[] }

let readers: Reader[] = []
const speakEveryMs = 5_000

async function untilEverybody(isThere: (reader: Reader) => boolean, stalledMs: number): Promise<void> {
  const progress = () => readers.reduce((sum, reader) => sum + reader.seq + reader.closes, 0)
  let [last, since] = [progress(), performance.now()]
  while (!readers.every(isThere) && performance.now() - since < stalledMs) {
    await Bun.sleep(20)
    const now = progress()
    if (now !== last) since = performance.now()
    last = now
  }
}

async function perform(command: ReaderCommand): Promise<ReaderAnswer> {
  if (command.kind === 'open') {
    readers = command.members.map((member) => new Reader(command.port, member))
    await untilEverybody((reader) => reader.isReady, 30_000)
  } else if (command.kind === 'reach') await untilEverybody((reader) => reader.seq >= command.seq, command.stalledMs)
  else if (command.kind !== 'take') for (const reader of readers) reader[command.kind]()
  const answer = {
    delays: command.kind === 'take' ? readers.flatMap((reader) => reader.delays) : [],
    closes: readers.reduce((sum, reader) => sum + reader.closes, 0),
    seqs: readers.map((reader) => reader.seq),
    faults: readers.flatMap((reader) => reader.faults).slice(0, 10),
  }
  if (command.kind === 'take') for (const reader of readers) reader.delays = []
  return answer
}

setInterval(() => {
  for (const reader of readers) reader.speak()
}, speakEveryMs)
process.on('message', (command: ReaderCommand) => {
  void perform(command).then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit(0))
