import { type Answer, type ApiClient, positionOf } from '../support/api'
import type { Filter, Role } from '../support/entitlement'
import { type EventFrame, StreamClient } from '../support/stream-client'
import { differences, type Kind, kinds, type Resource, StoreState } from './state'

const paths: Record<Kind, string> = { store: '', category: '/categories', product: '/products', customer: '/customers', order: '/orders' }

const orderEvents = ['order_created', 'order_updated', 'order_status_changed']
const eventsOf: Record<Kind, string[]> = {
  store: ['store_updated'],
  category: ['category_updated'],
  product: ['product_updated'],
  customer: ['customer_created', 'customer_updated'],
  order: orderEvents,
}

type World = { port(): number; api(token: string): ApiClient }
export type Who = { name: string; userId: string; token: string; storeId: string }

/**
 * A client that keeps the state of its store: it reads by REST when it is told to reload or its own rights change, and
 * lives on events otherwise.
 */
export class OracleClient {
  readonly state = new StoreState()
  readonly stream: StreamClient
  reloads = 0
  private reading: Promise<void> | null = null
  private isStale = false

  constructor(
    readonly who: Who,
    readonly filter: Filter | null,
    private readonly world: World,
  ) {
    this.stream = new StreamClient(who.name, who.userId, who.token, {
      port: world.port,
      prunedSeq: () => 0,
      onEvent: (frame) => this.take(frame),
      onReload: (stream) => {
        if (stream === this.storeStream) this.reload()
      },
    })
  }

  get storeStream(): string {
    return `store:${this.who.storeId}`
  }

  private get api(): ApiClient {
    return this.world.api(this.who.token)
  }

  async connect(): Promise<void> {
    await this.stream.connect({ storeId: this.who.storeId, filter: this.filter }).catch(() => {})
  }

  private take(frame: EventFrame): void {
    if (frame.stream === this.storeStream) this.state.apply(frame)
    // The own stream tells of the own membership, whatever the filter.
    else if (frame.type === 'store_updated') this.reload()
  }

  private reload(): void {
    this.reloads += 1
    this.isStale = true
    this.reading ??= this.read().finally(() => {
      this.reading = null
    })
  }

  private async read(): Promise<void> {
    while (this.isStale) {
      this.isStale = false
      try {
        for (const kind of kinds) {
          const { rows, seq } = await this.list(kind)
          this.state.load(kind, rows, seq)
        }
      } catch {
        // The server is away: it is asked again until it is back.
        this.isStale = true
        await Bun.sleep(200)
      }
    }
  }

  /** All that REST shows this user of a kind, nothing where it may see nothing; `seq` is that of the first page. */
  private async list(kind: Kind): Promise<{ rows: Resource[]; seq: number }> {
    const path = `/stores/${this.who.storeId}${paths[kind]}`
    if (kind === 'store') {
      const answer = await this.api.get(path)
      return isShown(answer) ? { rows: [answer.data], seq: this.seqOf(answer) } : nothing
    }
    const rows: Resource[] = []
    let seq = 0
    for (let cursor: string | null = ''; cursor !== null; ) {
      const answer: Answer = await this.api.get(`${path}?limit=100${cursor && `&cursor=${cursor}`}`)
      if (!isShown(answer)) return nothing
      seq ||= this.seqOf(answer)
      rows.push(...(answer.data as Resource[]))
      cursor = answer.body.meta.nextCursor
    }
    return { rows, seq }
  }

  private seqOf(answer: Answer): number {
    return positionOf(answer, this.storeStream).seq
  }

  /** Until no reading is under way; what comes later may begin another one. */
  async settled(): Promise<void> {
    while (this.reading) await this.reading
  }

  /** Compares the state with REST, as far as role and filter show it. */
  async verify(role: Role): Promise<string[]> {
    const faults: string[] = []
    for (const kind of kinds) {
      if (!this.follows(kind, role)) continue
      const types = kind === 'order' ? this.filter?.where?.type : undefined
      const isMine = (row: Resource) => !types || ('type' in row && types.includes(String(row.type)))
      const { rows } = await this.list(kind)
      faults.push(...differences(kind, this.state.list(kind).filter(isMine), rows.filter(isMine)))
    }
    return faults
  }

  /** Whether every event of a kind reaches this client; a status may leave what the filter shows. */
  private follows(kind: Kind, role: Role): boolean {
    if (kind === 'customer' && (role === 'kitchen' || role === 'kiosk')) return false
    if (kind === 'order' && this.filter?.where?.status) return false
    const { events } = this.filter ?? {}
    return !events || eventsOf[kind].every((type) => events.includes(type))
  }
}

const nothing = { rows: [], seq: 0 }

/** False where the role may not look; throws when the server cannot answer. */
function isShown({ status, code }: Answer): boolean {
  if (status === 200) return true
  if (status === 403 || status === 404) return false
  throw new Error(`${status} ${code}`)
}
