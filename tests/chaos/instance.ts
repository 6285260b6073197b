import type { ServerProcess } from '../support/process'
import { spawnServer } from '../support/process'

/** A server process that is killed in the middle and started again on the same data; its port changes. */
export class Instance {
  private running: Promise<ServerProcess>

  constructor(
    private readonly cwd: string,
    private readonly environment: Record<string, string>,
  ) {
    this.running = spawnServer(cwd, environment)
  }

  /** Resolves when it listens. */
  get server(): Promise<ServerProcess> {
    return this.running
  }

  /** kill -9, at once, whatever it is doing; resolves when the next process listens. */
  async killAndRestart(): Promise<void> {
    const killed = await this.running
    this.running = killed.end('SIGKILL').then(() => spawnServer(this.cwd, this.environment))
    await this.running
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await (await this.running).end(signal)
  }
}
