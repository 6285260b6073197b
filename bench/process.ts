import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A program that does what it is asked by IPC, one command at a time. */
export class Process<Command, Answer> {
  private waiting = Promise.withResolvers<Answer>()
  private readonly child

  constructor(program: string) {
    this.child = Bun.spawn([process.execPath, 'run', program], {
      stdout: 'inherit',
      stderr: 'inherit',
      ipc: (message: Answer | { error: string }) => {
        if (isError(message)) this.waiting.reject(new Error(message.error))
        else this.waiting.resolve(message)
      },
    })
  }

  ask(command: Command): Promise<Answer> {
    this.waiting = Promise.withResolvers()
    this.child.send(command)
    return this.waiting.promise
  }

  async end(): Promise<void> {
    this.child.kill()
    await this.child.exited
  }
}

const isError = <Answer>(message: Answer | { error: string }): message is { error: string } =>
  typeof message === 'object' && message !== null && 'error' in message

/** User and system time of a process in ticks of 10 ms, as milliseconds. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** CPU time of the threads of a process to the microsecond, for what takes less than a few ticks; one that has ended is not in it. */
export function cpuMicrosOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads.reduce((sum, thread) => sum + nanosOf(`/proc/${pid}/task/${thread}/schedstat`), 0) / 1000
}

/** Nothing where a thread has just ended. */
function nanosOf(file: string): number {
  try {
    return Number(readFileSync(file, 'latin1').split(' ')[0])
  } catch {
    return 0
  }
}

/**
 * Starts to count; answers the CPU µs since then. A process whose thread has ended meanwhile is told by its ticks, in which
 * the thread still is.
 */
export function cpuMeter(pid: number): () => number {
  const [ticks, exact] = [cpuMsOf(pid), cpuMicrosOf(pid)]
  return () => {
    const [byTicks, byThreads] = [(cpuMsOf(pid) - ticks) * 1000, cpuMicrosOf(pid) - exact]
    return Math.abs(byThreads - byTicks) <= 20_000 ? byThreads : byTicks
  }
}

/** The same of all processes of a PostgreSQL; those that have ended are not in it. */
export function postgresCpuMeter(dataDir: string): () => number {
  const postmaster = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]
  const all = () => {
    const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ')
    return new Map(children.map((pid) => [pid, nanosOf(`/proc/${pid}/schedstat`) / 1000]))
  }
  const before = all()
  return () => [...all()].reduce((sum, [pid, micros]) => sum + micros - (before.get(pid) ?? 0), 0)
}

/** Resident bytes of a process. */
export const residentBytesOf = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024
