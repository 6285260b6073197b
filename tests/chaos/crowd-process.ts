import { join } from 'node:path'
import type { CrowdOrder } from './crowd'

/** The crowd of crowd.ts, from outside. */
export class Crowd {
  /** Streams that skipped or repeated. */
  readonly complaints: string[] = []
  private live = 0
  private readonly watchers = new Set<() => void>()

  private constructor(private readonly child: Bun.ReadableSubprocess) {
    process.once('exit', () => child.kill('SIGKILL'))
    void this.listen()
  }

  /** Resolves when all of it is live. */
  static async gather(order: CrowdOrder): Promise<Crowd> {
    const command = [process.execPath, '--no-env-file', join(import.meta.dir, 'crowd.ts'), JSON.stringify(order)]
    const crowd = new Crowd(Bun.spawn(command, { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' }))
    await crowd.risesTo(order.count, 60_000)
    return crowd
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(signal)
  }

  risesTo(count: number, withinMs: number): Promise<void> {
    return this.until(() => this.live >= count, withinMs, `${count} live sockets`)
  }

  fallsTo(count: number, withinMs: number): Promise<void> {
    return this.until(() => this.live <= count, withinMs, `no more than ${count} live sockets`)
  }

  async end(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.child.exited
  }

  private async listen(): Promise<void> {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of this.child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.take(line)
    }
  }

  private take(line: string): void {
    const [kind, count] = line.split(' ')
    if (kind === 'live') this.live = Number(count)
    else this.complaints.push(line)
    for (const look of [...this.watchers]) look()
  }

  private until(isMet: () => boolean, withinMs: number, what: string): Promise<void> {
    return new Promise((met, failed) => {
      const done = () => {
        clearTimeout(timer)
        this.watchers.delete(look)
      }
      const look = () => {
        if (!isMet()) return
        done()
        met()
      }
      const timer = setTimeout(() => {
        done()
        failed(new Error(`a crowd waited in vain for ${what}; it has ${this.live}`))
      }, withinMs)
      this.watchers.add(look)
      look()
    })
  }
}
