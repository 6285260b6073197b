import { backoffMs } from '~/ui/client/backoff'
import { newId } from '~/ui/client/id'
import { type Answer, ApiError, type RestClient } from '~/ui/client/rest'
import type { CallOptions, RouteName, Routes } from '~/ui/client/rest-routes'

/**
 * Writes that may have to wait for the network. They are stored before they are sent, with the `Idempotency-Key` under
 * which the server does each of them once, and leave in the order in which they were added.
 */

/** A write as it is stored. `route` and the rest are what `RestClient.call` takes. */
export type PendingWrite = {
  /** Also the `Idempotency-Key`. */
  key: string
  /** The user who wrote it: another user's session never sends it. */
  owner: string
  route: WriteRoute
  params: Record<string, string>
  body: unknown
  /** ms since 1970. */
  addedAt: number
  /** When it was sent for the first time; from then on the server may have done it. */
  sentAt: number | null
  /** Why the server refused it for good; null while it waits. */
  failure: { status: number; code: string; message: string } | null
}

/** Routes that take an `Idempotency-Key`. */
export type WriteRoute = Extract<RouteName, `POST /stores${string}`>

/** Where writes outlive the page, in the order in which they were added. */
export interface OutboxStorage {
  list(owner: string): Promise<PendingWrite[]>
  /** Adds, or replaces the one of the same key in its place. */
  put(write: PendingWrite): Promise<void>
  remove(key: string): Promise<void>
}

export class MemoryOutboxStorage implements OutboxStorage {
  private readonly writes = new Map<string, PendingWrite>()

  list = async (owner: string): Promise<PendingWrite[]> => [...this.writes.values()].filter((write) => write.owner === owner)
  put = async (write: PendingWrite): Promise<void> => void this.writes.set(write.key, write)
  remove = async (key: string): Promise<void> => void this.writes.delete(key)
}

export type OutboxSnapshot = {
  /** Not known to be done, oldest first. */
  pending: readonly PendingWrite[]
  /** Refused for good: to be shown, and dismissed or tried again. */
  failed: readonly PendingWrite[]
}

export type OutboxOptions = { owner: string; storage: OutboxStorage; rest: Pick<RestClient, 'call'> }

/** The server forgets keys after 24 hours: a write that may have been done is not sent again close to that. */
const keyLivesMs = 23 * 3_600_000
const retryMs = 1_000
const retryCapMs = 30_000

type Waiting = { write: PendingWrite; resolve(answer: Answer<unknown>): void; reject(error: unknown): void }

export class Outbox {
  readonly #options: OutboxOptions
  readonly #listeners = new Set<() => void>()
  /** Callers of this page that wait for an answer. */
  readonly #waiting = new Map<string, Waiting>()
  #snapshot: OutboxSnapshot = { pending: [], failed: [] }
  #flushing: Promise<void> | undefined
  #isWanted = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #attempt = 0
  #isStopped = false

  constructor(options: OutboxOptions) {
    this.#options = options
    void this.flush()
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    const own = () => listener()
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  readonly getSnapshot = (): OutboxSnapshot => this.#snapshot

  /**
   * Resolves when the write is stored and will be done; `answer` settles when the server has answered, be it much later,
   * or rejects with the `ApiError` of a refusal for good. It stays pending when the page is closed before.
   */
  async add<R extends WriteRoute>(
    route: R,
    options: Pick<CallOptions<R>, 'params' | 'body'>,
  ): Promise<{ key: string; answer: Promise<Answer<Routes[R]['data']>> }> {
    const { owner, storage } = this.#options
    const write: PendingWrite = {
      key: newId(),
      owner,
      route,
      params: { ...options.params },
      body: options.body,
      addedAt: Date.now(),
      sentAt: null,
      failure: null,
    }
    const { promise, resolve, reject } = Promise.withResolvers<Answer<Routes[R]['data']>>()
    promise.catch(() => {})
    await storage.put(write)
    this.#waiting.set(write.key, { write, resolve: (answer) => resolve(ofRoute<R>(answer)), reject })
    await this.#refresh()
    void this.flush()
    return { key: write.key, answer: promise }
  }

  /** Sends what waits, one after another, until something must be tried later. Call it when the network is back. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isWanted = true
    if (this.#isStopped) return
    this.#flushing ??= this.#run().finally(() => {
      this.#flushing = undefined
    })
    await this.#flushing
  }

  async #run(): Promise<void> {
    while (this.#isWanted && !this.#isStopped) {
      this.#isWanted = false
      try {
        await this.#sendAll()
        this.#attempt = 0
      } catch (error) {
        const atLeastMs = error instanceof ApiError ? error.retryAfterMs : 0
        const delayMs = Math.max(atLeastMs, backoffMs(this.#attempt, retryMs, retryCapMs))
        this.#attempt += 1
        if (!this.#isStopped) this.#timer = setTimeout(() => void this.flush(), delayMs)
      }
    }
  }

  /** Throws what makes the rest wait. */
  async #sendAll(): Promise<void> {
    for (;;) {
      await this.#refresh()
      const first = this.#snapshot.pending[0] ?? this.#doneElsewhere()
      if (!first || this.#isStopped) return
      await this.#send(first)
    }
  }

  /** A write of this page that another tab has sent: asked again, the server tells its answer. */
  #doneElsewhere(): PendingWrite | undefined {
    const stored = new Set(this.#snapshot.failed.map((write) => write.key))
    for (const { write } of this.#waiting.values()) if (!stored.has(write.key)) return { ...write, sentAt: write.addedAt }
    return undefined
  }

  async #send(write: PendingWrite): Promise<void> {
    const { storage, rest } = this.#options
    if (write.sentAt !== null && Date.now() - write.sentAt > keyLivesMs) {
      const message = 'It may have been done already, more than a day ago'
      return this.#fail(write, new ApiError(0, 'too_old', message))
    }
    if (write.sentAt === null) await storage.put({ ...write, sentAt: Date.now() })
    try {
      const answer = await call(rest, write)
      await storage.remove(write.key)
      this.#waiting.get(write.key)?.resolve(answer)
      this.#waiting.delete(write.key)
    } catch (error) {
      if (!(error instanceof ApiError) || error.isPassing) throw error
      await this.#fail(write, error)
    }
  }

  async #fail(write: PendingWrite, error: ApiError): Promise<void> {
    const { status, code, message } = error
    await this.#options.storage.put({ ...write, failure: { status, code, message } })
    // Whoever hears of the refusal may dismiss it at once.
    await this.#refresh()
    this.#waiting.get(write.key)?.reject(error)
    this.#waiting.delete(write.key)
  }

  /** Forgets a write that failed; one that waits is not taken back, since it may be on its way. */
  async dismiss(key: string): Promise<void> {
    if (!this.#snapshot.failed.some((write) => write.key === key)) return
    await this.#options.storage.remove(key)
    await this.#refresh()
  }

  async #refresh(): Promise<void> {
    const writes = await this.#options.storage.list(this.#options.owner)
    const next = { pending: writes.filter((write) => !write.failure), failed: writes.filter((write) => write.failure) }
    const isSame = next.pending.length + next.failed.length === 0 && this.#snapshot.pending.length + this.#snapshot.failed.length === 0
    if (isSame) return
    this.#snapshot = next
    for (const listener of [...this.#listeners]) listener()
  }

  /** Sends nothing more; what waits stays stored. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }
}

/** `add` stored the parameters and the body of this very route. */
const call = (rest: Pick<RestClient, 'call'>, { route, params, body, key }: PendingWrite): Promise<Answer<unknown>> =>
  rest.call(route, { params, body, headers: { 'Idempotency-Key': key } } as never)

/** The answer to a write of this route. */
const ofRoute = <R extends WriteRoute>(answer: Answer<unknown>) => answer as Answer<Routes[R]['data']>
