import type { Attempt } from './checker'
import type { Acknowledged } from './evidence'

/** Answers after which the same request is sent again with its key: nothing is known, or nothing was done. */
const isOpen = (status: number, code: string | null) => status === 0 || status >= 500 || code === 'idempotency_in_progress'

const giveUpAfterMs = 60_000

/** A till: orders, and the next status of its own ones, each repeated with its key until it is answered. */
export class Till {
  readonly acknowledged: Acknowledged[] = []
  readonly attempts: Attempt[] = []
  private readonly waiting: string[] = []
  private made = 0

  constructor(
    readonly name: string,
    private readonly base: string,
    private readonly token: string,
    private readonly storeId: string,
    private readonly productId: string,
  ) {}

  /** One request after the other, with a pause in between, while `isOpen` says so. */
  async work(isOpen: () => boolean, pauseMs: number): Promise<void> {
    while (isOpen()) {
      const orderId = this.waiting.length > 3 ? this.waiting.shift() : undefined
      await (orderId ? this.confirm(orderId) : this.order())
      await Bun.sleep(pauseMs * (0.5 + Math.random()))
    }
  }

  private async order(): Promise<void> {
    this.made += 1
    const marker = `${this.name}-${this.made}`
    const answer = await this.send(marker, '/orders', { type: 'pickup', items: [{ productId: this.productId, quantity: 1 }], note: marker })
    if (answer) this.waiting.push(answer.id)
  }

  private async confirm(orderId: string): Promise<void> {
    await this.send(null, `/orders/${orderId}/status`, { status: 'confirmed' })
  }

  private async send(marker: string | null, path: string, body: object): Promise<{ id: string; version: number } | null> {
    const request = marker ?? `${this.name} ${path}`
    const init = {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() },
      body: JSON.stringify(body),
    }
    const deadline = performance.now() + giveUpAfterMs
    while (performance.now() < deadline) {
      const startedAt = performance.now()
      const { status, code, data, headers } = await attempt(`${this.base}/stores/${this.storeId}${path}`, init)
      this.attempts.push({ request, atMs: startedAt, tookMs: performance.now() - startedAt, status, code })
      if (!isOpen(status, code)) {
        if (!data) return null
        const seq = Number(/:(\d+)$/.exec(headers?.get('x-stream-position') ?? '')?.[1])
        this.acknowledged.push({ subjectId: data.id, version: data.version, stream: `store:${this.storeId}`, seq, marker })
        return data
      }
      await Bun.sleep(100 + Math.random() * 200)
    }
    return null
  }
}

type Answered = { status: number; code: string | null; data: { id: string; version: number } | null; headers: Headers | null }

async function attempt(url: string, init: RequestInit): Promise<Answered> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(40_000) })
    const text = await response.text()
    // A balancer answers in HTML.
    const body = text.startsWith('{') ? JSON.parse(text) : {}
    return { status: response.status, code: body.error?.code ?? null, data: body.data ?? null, headers: response.headers }
  } catch {
    return { status: 0, code: null, data: null, headers: null }
  }
}
