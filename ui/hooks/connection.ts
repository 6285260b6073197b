import { type ClientSnapshot, ZipZapClient } from '~/ui/client/client'
import type { ApplicationFrame } from '~/ui/client/frames'
import type { Identity, ReconnectPolicy, Reload } from '~/ui/client/options'
import { RestClient } from '~/ui/client/rest'
import { onNextFrame } from '~/ui/hooks/next-frame'

/** Where to connect, and as whom. Without any of it: to this page's own server, as whoever its cookie says. */
export type ConnectionOptions = {
  /** `wss://host/ws`; left out, `/ws` of `baseUrl`. */
  url?: string | undefined
  /** `https://host` of the REST API; left out, the page's own. */
  baseUrl?: string | undefined
  /** Asked at every connect and every request; undefined: the cookie. */
  getToken?: (() => string | undefined | Promise<string | undefined>) | undefined
  /** Left out, the session is asked. */
  userId?: string | undefined
  /** Left out, the one store that the user belongs to; null: none. */
  storeId?: string | null | undefined
  deviceId?: string | undefined
  /** Told when the state of a stream must be read anew, with the store's snapshot already fetched. */
  onReload?: ((reload: Reload) => void) | undefined
}

/** What is rendered: changes at most once a frame. */
export type Rendered = {
  snapshot: ClientSnapshot
  /** The events of this frame: one after another, or all that wait when there are many. */
  messages: readonly ApplicationFrame[]
  /** Counts the frames that brought events. */
  turn: number
}

/** More events than a second has frames are not shown one by one any more. */
const maxOneByOne = 60
/** A component that comes right back, as in a route change or StrictMode, finds its socket open. */
const lingerMs = 250

/** One client with what React needs around it. Starts nothing by itself. */
export class Connection {
  readonly client: ZipZapClient
  readonly rest: RestClient
  private rendered: Rendered
  private readonly listeners = new Set<() => void>()
  private readonly waiting: ApplicationFrame[] = []
  private cancelFrame: (() => void) | undefined
  private detach: (() => void) | undefined
  private users = 0
  private lingering: ReturnType<typeof setTimeout> | undefined

  constructor(
    /** The latest ones; only their functions may differ from those it was made with. */
    public options: ConnectionOptions,
    private readonly onUse: (isUsed: boolean) => void,
  ) {
    this.rest = new RestClient({
      baseUrl: options.baseUrl,
      getToken: () => this.options.getToken?.(),
      getSessionId: () => this.client.getSnapshot().sessionId,
    })
    this.client = new ZipZapClient({
      url: options.url ?? socketUrl(options.baseUrl),
      identify: () => this.identify(),
      readSealed: this.rest.readSealed,
      reconnectIntervalMs: 5000,
      ...(options.deviceId !== undefined && { deviceId: options.deviceId }),
      ...(options.onReload && { fetchSnapshot: this.rest.fetchSnapshot, onReload: (reload: Reload) => this.options.onReload?.(reload) }),
    })
    this.rendered = { snapshot: this.client.getSnapshot(), messages: [], turn: 0 }
  }

  private async identify(): Promise<Identity> {
    const { userId, storeId, getToken } = this.options
    if (userId === undefined) return this.rest.identify(storeId)
    return { userId, storeId, credential: await getToken?.() }
  }

  readonly getRendered = (): Rendered => this.rendered

  readonly subscribe = (listener: () => void): (() => void) => {
    const own = () => listener()
    if (this.listeners.size === 0) this.attach()
    this.listeners.add(own)
    return () => {
      this.listeners.delete(own)
      if (this.listeners.size === 0) this.detach?.()
    }
  }

  private attach(): void {
    const ends = [
      this.client.subscribe(() => this.schedule()),
      this.client.on('*', (frame) => {
        this.waiting.push(frame)
        this.schedule()
      }),
    ]
    this.rendered = { ...this.rendered, snapshot: this.client.getSnapshot() }
    this.detach = () => {
      for (const end of ends) end()
      this.cancelFrame?.()
      this.cancelFrame = undefined
      this.waiting.length = 0
    }
  }

  private schedule(): void {
    this.cancelFrame ??= onNextFrame(() => {
      this.cancelFrame = undefined
      this.render()
    })
  }

  private render(): void {
    const messages = this.waiting.splice(0, this.waiting.length > maxOneByOne ? this.waiting.length : 1)
    const { turn } = this.rendered
    const snapshot = this.client.getSnapshot()
    this.rendered = messages.length > 0 ? { snapshot, messages, turn: turn + 1 } : { ...this.rendered, snapshot }
    if (this.waiting.length > 0) this.schedule()
    for (const listener of [...this.listeners]) listener()
  }

  /** Keeps the connection; answers how to let it go. The last one to let go ends it, after a moment. */
  retain(): () => void {
    clearTimeout(this.lingering)
    this.users += 1
    this.onUse(true)
    return () => {
      this.users -= 1
      if (this.users > 0) return
      this.lingering = setTimeout(() => {
        this.client.stop()
        this.onUse(false)
      }, lingerMs)
    }
  }

  configure(policy: Partial<ReconnectPolicy>): void {
    this.client.configure(policy)
  }
}

const connections = new Map<string, Connection>()

/** Components that ask for the same connection share one. Its functions are always the latest that were given. */
export function connectionFor(options: ConnectionOptions): Connection {
  const { url, baseUrl, userId, storeId, deviceId, getToken, onReload } = options
  const key = JSON.stringify([url, baseUrl, userId, storeId === undefined ? 'only' : storeId, deviceId, !!getToken, !!onReload])
  const known = connections.get(key)
  if (known) {
    known.options = options
    return known
  }
  const made: Connection = new Connection(options, (isUsed) => {
    // A component that was hidden for long may come back with the connection that it had.
    if (isUsed && !connections.has(key)) connections.set(key, made)
    if (!isUsed && connections.get(key) === made) connections.delete(key)
  })
  connections.set(key, made)
  return made
}

function socketUrl(baseUrl: string | undefined): string {
  const url = new URL('/ws', baseUrl ?? globalThis.location?.href ?? 'http://localhost')
  url.protocol = url.protocol.replace('http', 'ws')
  return url.href
}
