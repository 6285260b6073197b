import { ZipZapClient } from '~/ui/client/client'
import type { ApplicationFrame } from '~/ui/client/frames'
import type { Reload } from '~/ui/client/options'
import { request, setSocketSession } from '~/ui/console/model/api'
import { deviceToken } from '~/ui/console/model/session'
import { socketUrl } from '~/ui/console/model/socket-url'
import { chime } from '~/ui/console/model/sound'
import { StoreState } from '~/ui/console/model/store-state'
import { notify } from '~/ui/console/model/toasts'
import { closedStatuses } from '~/ui/console/model/transitions'
import type { Order } from '~/utils/contracts/order'
import type { Snapshot } from '~/utils/contracts/snapshot'

/** One store, kept up to date: the client brings snapshots and events, the state holds what they amount to. */
export class StoreConnection {
  readonly state = new StoreState()
  readonly client: ZipZapClient
  /** Orders that this page made are no news to it. */
  private readonly ownOrders = new Set<string>()
  private ringing: ReturnType<typeof setTimeout> | undefined

  constructor(
    readonly userId: string,
    readonly storeId: string,
    private readonly listener: {
      /** The store is closed to this user, or the session has ended: the caller finds out which. */
      onRefused(): void
      /** The user's own profile or memberships changed. */
      onUserChanged(): void
    },
  ) {
    this.client = new ZipZapClient({
      url: socketUrl(),
      identify: () => ({ userId, storeId, credential: deviceToken() ?? undefined }),
      fetchSnapshot: async (id) => (await request<Snapshot>('GET', `/stores/${id}/snapshot`)).data,
      onReload: (reload) => this.reload(reload),
      maxReconnectIntervalMs: 10_000,
    })
    this.client.on('*', (frame) => this.hear(frame))
    this.client.on('unsubscribed', (frame) => frame.data.storeId === storeId && listener.onRefused())
    this.client.subscribe(() => this.follow())
  }

  start(): void {
    this.client.start()
  }

  stop(): void {
    clearTimeout(this.ringing)
    this.client.stop()
    setSocketSession(null)
  }

  markOwn(orderId: string): void {
    this.ownOrders.add(orderId)
  }

  private follow(): void {
    const { state, sessionId } = this.client.getSnapshot()
    setSocketSession(sessionId)
    if (state === 'unauthorized') this.listener.onRefused()
  }

  private reload({ snapshot, storeId }: Reload): void {
    if (storeId === undefined) return this.listener.onUserChanged()
    if (!snapshot) return
    this.announce(this.state.load(snapshot))
    void this.readClosed()
  }

  /** The latest that are over, for the board's last column; a snapshot has open ones only. */
  private async readClosed(): Promise<void> {
    try {
      const { data } = await request<Order[]>('GET', `/stores/${this.storeId}/orders?status=${closedStatuses.join(',')}&limit=50`)
      this.state.learn('orders', data)
    } catch (error) {
      console.warn('closed orders could not be read', error)
    }
  }

  private hear(frame: ApplicationFrame): void {
    this.state.apply(frame)
    if (frame.type === 'order_created') this.announce([frame.data.order])
    if (frame.type === 'profile_updated') this.listener.onUserChanged()
    if (frame.type === 'store_updated' && 'userId' in frame.data && frame.data.userId === this.userId) this.listener.onUserChanged()
    if (frame.type === 'general_notification') notify(frame.data.level, frame.data.message)
  }

  /** New orders ring and get a mark. What was caught up on may be in work already: only those that wait still count. */
  private announce(orders: Order[]): void {
    const news = orders.filter((order) => order.status === 'pending' && !this.ownOrders.has(order.id)).map((order) => order.id)
    if (news.length === 0) return
    this.state.markUnseen(news)
    this.ringing ??= setTimeout(() => {
      this.ringing = undefined
      if ((this.state.get()?.unseen.size ?? 0) > 0) chime.play()
    }, ringAfterMs)
  }
}

/** Several at once ring once. */
const ringAfterMs = 150
