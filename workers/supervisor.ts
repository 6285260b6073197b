import type { Subprocess } from 'bun'
import { logger } from '~/utils/logger'
import { answerWithinMs, type ToSupervisor, type ToWorker } from '~/utils/worker-link'

/** A worker that dies this soon after its start is started again only after a pause. */
const hastyMs = 2_000
const pauseMs = 1_000

type Worker = { process: Subprocess; startedAt: number; isReady: boolean; isLeaving: boolean; onReady: () => void }
type Asked = { from: Worker; waitingFor: Set<Worker>; data: unknown[]; timer: Timer }

/**
 * Runs `count` workers on one port (SO_REUSEPORT). One that dies is replaced; SIGHUP replaces them one after another, a
 * new one serving before an old one drains, so nothing is lost; SIGTERM drains all. Resolves when the last one has ended.
 */
export class Supervisor {
  private readonly workers = new Set<Worker>()
  private readonly asked = new Map<string, Asked>()
  private isStopping = false
  private rolling: Promise<void> = Promise.resolve()
  private readonly ended = Promise.withResolvers<void>()

  constructor(
    private readonly command: string[],
    private readonly environment: Record<string, string | undefined>,
    private readonly count: number,
  ) {}

  async run(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.stop(signal))
    process.on('SIGHUP', () => {
      this.rolling = this.rolling.then(() => this.roll())
    })
    await Promise.all(Array.from({ length: this.count }, () => this.start()))
    logger.info({ workers: this.count }, 'all workers are ready')
    await this.ended.promise
  }

  /** Resolves when the worker serves, or has ended before it could. */
  private start(): Promise<void> {
    const ready = Promise.withResolvers<void>()
    const worker: Worker = {
      process: this.spawn(() => worker),
      startedAt: performance.now(),
      isReady: false,
      isLeaving: false,
      onReady: ready.resolve,
    }
    this.workers.add(worker)
    return ready.promise
  }

  private spawn(self: () => Worker): Subprocess {
    return Bun.spawn({
      cmd: this.command,
      env: this.environment,
      stdio: ['ignore', 'inherit', 'inherit'],
      ipc: (message: ToSupervisor) => this.hear(self(), message),
      onExit: (_process, code, signal) => this.lose(self(), code, signal),
    })
  }

  private lose(worker: Worker, code: number | null, signal: string | number | null): void {
    this.workers.delete(worker)
    worker.onReady()
    for (const [id, asked] of this.asked) if (asked.waitingFor.delete(worker)) this.finishIfComplete(id, asked)
    if (this.isStopping) {
      if (this.workers.size === 0) this.ended.resolve()
      return
    }
    if (worker.isLeaving) return
    logger.error({ code, signal }, 'a worker died and is replaced')
    const isHasty = performance.now() - worker.startedAt < hastyMs
    setTimeout(() => !this.isStopping && void this.start(), isHasty ? pauseMs : 0)
  }

  private async roll(): Promise<void> {
    for (const old of [...this.workers]) {
      if (this.isStopping) return
      await this.start()
      old.isLeaving = true
      old.process.kill('SIGTERM')
      await old.process.exited
    }
    logger.info('all workers were replaced')
  }

  private stop(signal: NodeJS.Signals): void {
    this.isStopping = true
    if (this.workers.size === 0) this.ended.resolve()
    for (const worker of this.workers) worker.process.kill(signal)
  }

  // Questions of one worker to all

  private hear(worker: Worker, message: ToSupervisor): void {
    if (message.kind === 'ready') {
      worker.isReady = true
      worker.onReady()
    } else if (message.kind === 'ask') this.ask(worker, message.id, message.question)
    else {
      const asked = this.asked.get(message.id)
      if (!asked?.waitingFor.delete(worker)) return
      asked.data.push(message.data)
      this.finishIfComplete(message.id, asked)
    }
  }

  private ask(from: Worker, id: string, question: (ToWorker & { kind: 'question' })['question']): void {
    const waitingFor = new Set([...this.workers].filter((worker) => worker.isReady))
    const asked: Asked = { from, waitingFor, data: [], timer: setTimeout(() => this.finish(id, asked), answerWithinMs) }
    this.asked.set(id, asked)
    for (const worker of waitingFor) send(worker, { kind: 'question', id, question })
  }

  private finishIfComplete(id: string, asked: Asked): void {
    if (asked.waitingFor.size === 0) this.finish(id, asked)
  }

  private finish(id: string, asked: Asked): void {
    clearTimeout(asked.timer)
    this.asked.delete(id)
    send(asked.from, { kind: 'answers', id, data: asked.data })
  }
}

/** A worker that is just dying cannot be told anything; its end is handled on its own. */
function send(worker: Worker, message: ToWorker): void {
  try {
    worker.process.send(message)
  } catch (error) {
    logger.debug({ err: error }, 'a worker could not be told')
  }
}
