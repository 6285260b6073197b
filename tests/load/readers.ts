import { Reader } from './reader'
import type { Member } from './sockets'

/** Readers in a process of their own. Commands and answers come and go by IPC. */

export type ReaderCommand =
  /** Opens one socket for each member of the list; answers when all are live. */
  | { kind: 'open'; port: number; members: Member[] }
  | { kind: 'pause' | 'resume' | 'end' }
  /** Answers when everybody has got so far, or the time is over. */
  | { kind: 'reach'; seq: number; timeoutMs: number }
  /** What came since the last time. */
  | { kind: 'take' }
export type ReaderAnswer = { delays: number[]; closes: number; seqs: number[]; faults: string[] }

let readers: Reader[] = []
const speakEveryMs = 5_000

async function until(isMet: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!isMet() && performance.now() < deadline) await Bun.sleep(10)
}

async function perform(command: ReaderCommand): Promise<ReaderAnswer> {
  if (command.kind === 'open') {
    readers = command.members.map((member) => new Reader(command.port, member))
    await until(() => readers.every((reader) => reader.isReady), 30_000)
  } else if (command.kind === 'reach') await until(() => readers.every((reader) => reader.seq >= command.seq), command.timeoutMs)
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
