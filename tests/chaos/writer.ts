import type { Acknowledged } from './evidence'
import type { Instance } from './instance'

/** Stores to write to, and what is on sale: without counted stock, with a lot of it, with none left. */
export type Store = { storeId: string; plain: string; counted: string; soldOut: string }

type Answer = {
  status: number
  code: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: whatever came is compared with the database by the judge
  data: any
  headers: Headers
}

/**
 * A till: it sends orders of all kinds, many of which fail inside their transaction, and repeats a request with its key
 * until it is answered, whatever happens to the server in between.
 */
export class Writer {
  readonly acknowledged: Acknowledged[] = []
  readonly refused: string[] = []
  /** Answers that the contract does not allow here. */
  readonly faults: string[] = []
  repeats = 0
  replays = 0
  private readonly open: { store: Store; orderId: string; next: string[] }[] = []
  private made = 0

  constructor(
    private readonly name: string,
    private readonly instances: Instance[],
    private readonly token: string,
  ) {}

  async write(stores: Store[], until: () => boolean): Promise<void> {
    const acts = [this.order, this.order, this.orderWithId, this.orderOfCustomer, this.soldOut, this.racingId, this.sameKey, this.move, this.move]
    while (!until()) {
      const store = pick(stores)
      await pick(acts).call(this, store)
    }
  }

  private order(store: Store): Promise<void> {
    return this.expectOrder(store, { productId: pick([store.plain, store.counted]) })
  }

  private orderWithId(store: Store): Promise<void> {
    return this.expectOrder(store, { productId: store.plain, id: Bun.randomUUIDv7() })
  }

  private orderOfCustomer(store: Store): Promise<void> {
    return this.expectOrder(store, { productId: store.counted, customer: { firstName: 'Ada' } })
  }

  private async expectOrder(store: Store, body: OrderBody): Promise<void> {
    const marker = this.marker()
    this.note(store, marker, await this.send(store, '/orders', orderOf(marker, body)), [])
  }

  /** Fails after its key was claimed and its products were locked. */
  private async soldOut(store: Store): Promise<void> {
    const marker = this.marker()
    this.note(store, marker, await this.send(store, '/orders', orderOf(marker, { productId: store.soldOut, id: Bun.randomUUIDv7() })), [
      'out_of_stock',
    ])
  }

  /** Of two orders with one id, one fails; which, and how late in its transaction, is up to the race. */
  private async racingId(store: Store): Promise<void> {
    const id = Bun.randomUUIDv7()
    const markers = [this.marker(), this.marker()]
    const answers = await Promise.all(markers.map((marker) => this.send(store, '/orders', orderOf(marker, { productId: store.counted, id }))))
    for (const [index, answer] of answers.entries()) this.note(store, markers[index] ?? '', answer, ['id_taken'])
    const statuses = answers.map((answer) => answer.status).sort()
    if (statuses.join() !== '201,409') this.faults.push(`two orders with the id ${id} were answered ${statuses}`)
  }

  /** One request, sent three times at once. */
  private async sameKey(store: Store): Promise<void> {
    const marker = this.marker()
    const body = orderOf(marker, { productId: store.counted })
    const key = crypto.randomUUID()
    const answers = await Promise.all([1, 2, 3].map(() => this.send(store, '/orders', body, key)))
    for (const answer of answers) this.note(store, marker, answer, [])
    if (new Set(answers.map((answer) => answer.data?.id)).size !== 1) this.faults.push(`${marker} was sent under one key and made several orders`)
  }

  /** The next status of an order of its own; a second time it may be the same, which changes nothing. */
  private async move(): Promise<void> {
    const order = this.open.length > 20 ? this.open.shift() : undefined
    if (!order) return
    for (const status of order.next) {
      const answer = await this.send(order.store, `/orders/${order.orderId}/status`, { status })
      if (answer.status === 200) this.acknowledge(order.store, null, answer)
      else this.faults.push(`${status} of ${order.orderId} was answered ${answer.status} ${answer.code}`)
    }
  }

  private note(store: Store, marker: string, answer: Answer, expected: string[]): void {
    if (answer.status === 201) {
      this.acknowledge(store, marker, answer)
      if (expected.length === 0)
        this.open.push({ store, orderId: answer.data.id, next: pick([['confirmed', 'preparing'], ['cancelled'], ['completed']]) })
    } else if (expected.includes(answer.code ?? '')) this.refused.push(marker)
    else this.faults.push(`${marker} was answered ${answer.status} ${answer.code}`)
  }

  private acknowledge({ storeId }: Store, marker: string | null, { data, headers }: Answer): void {
    const stream = `store:${storeId}`
    const seq = Number(/:(\d+)$/.exec(headers.get('x-stream-position') ?? '')?.[1])
    if (!seq) this.faults.push(`${data.id} was answered without a position`)
    this.acknowledged.push({ subjectId: data.id, version: data.version, stream, seq, marker })
    if (headers.get('idempotent-replayed')) this.replays += 1
  }

  private marker(): string {
    this.made += 1
    return `${this.name}-${this.made}`
  }

  /** Repeats with the same key until there is an answer, each time at the next instance. */
  private async send(store: Store, path: string, body: object, key: string = crypto.randomUUID()): Promise<Answer> {
    const init = {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json', 'Idempotency-Key': key },
      body: JSON.stringify(body),
    }
    for (let attempt = this.made; ; attempt++) {
      const { base } = await pickAt(this.instances, attempt).server
      try {
        const response = await fetch(`${base}/api/v1/stores/${store.storeId}${path}`, init)
        const { data, error } = (await response.json()) as { data: unknown; error?: { code: string } }
        if (response.status !== 503 && error?.code !== 'idempotency_in_progress')
          return { status: response.status, code: error?.code, data, headers: response.headers }
      } catch {
        // The connection was refused or cut: whether the write has happened, only a repetition can tell.
      }
      this.repeats += 1
    }
  }
}

type OrderBody = { productId: string; id?: string; customer?: object }
const orderOf = (marker: string, { productId, ...rest }: OrderBody) => ({
  type: 'pickup',
  items: [{ productId, quantity: 1 }],
  note: marker,
  ...rest,
})

/** One of a list, which is not empty. */
const pickAt = <T>(values: T[], index: number): T => values[index % values.length] as T
const pick = <T>(values: T[]): T => pickAt(values, Math.floor(Math.random() * values.length))
