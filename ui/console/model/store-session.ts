import type { ApplicationFrame } from '~/ui/client/frames'
import type { Reload } from '~/ui/client/options'
import { rest } from '~/ui/console/model/rest'
import { chime } from '~/ui/console/model/sound'
import { StoreState } from '~/ui/console/model/store-state'
import { notify } from '~/ui/console/model/toasts'
import { closedStatuses } from '~/ui/console/model/transitions'
import type { Order } from '~/utils/contracts/order'

/** Several new orders at once ring once. */
const ringAfterMs = 150
const keptClosed = 50

/** One store as this page has it open: the connection brings snapshots and events, the state holds what they amount to. */
export class StoreSession {
  readonly state = new StoreState()
  /** Orders that this page made are no news to it. */
  private readonly ownOrders = new Set<string>()
  private ringing: ReturnType<typeof setTimeout> | undefined

  constructor(
    readonly userId: string,
    readonly storeId: string,
    /** The user's own profile or memberships changed. */
    private readonly onUserChanged: () => void,
  ) {}

  markOwn(orderId: string): void {
    this.ownOrders.add(orderId)
  }

  readonly reload = ({ snapshot, storeId }: Reload): void => {
    if (storeId === undefined) return this.onUserChanged()
    if (!snapshot) return
    this.announce(this.state.load(snapshot))
    void this.readClosed()
  }

  /** The latest that are over, for the board's last column; a snapshot has open ones only. */
  private async readClosed(): Promise<void> {
    try {
      const query = { status: [...closedStatuses], limit: keptClosed }
      const { data } = await rest.call('GET /stores/{storeId}/orders', { params: { storeId: this.storeId }, query })
      this.state.learnClosed(data)
    } catch (error) {
      console.warn('closed orders could not be read', error)
    }
  }

  readonly hear = (frame: ApplicationFrame): void => {
    this.state.apply(frame)
    if (frame.type === 'order_created') this.announce([frame.data.order])
    if (frame.type === 'profile_updated') this.onUserChanged()
    if (frame.type === 'store_updated' && 'userId' in frame.data && frame.data.userId === this.userId) this.onUserChanged()
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
