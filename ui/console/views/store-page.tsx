import { type ReactNode, useCallback, useContext, useEffect, useEffectEvent, useMemo, useState, useSyncExternalStore } from 'react'
import { plural } from '~/ui/console/model/format'
import { outboxOf, useOutbox } from '~/ui/console/model/outbox'
import { withPending } from '~/ui/console/model/pending'
import { setSocketSession } from '~/ui/console/model/rest'
import { Link, navigate, storePath, type View } from '~/ui/console/model/router'
import { type CurrentSession, deviceToken } from '~/ui/console/model/session'
import { socketUrl } from '~/ui/console/model/socket-url'
import { type StoreScope, StoreScopeProvider } from '~/ui/console/model/store-scope'
import { StoreSession } from '~/ui/console/model/store-session'
import { ConnectionMark } from '~/ui/console/parts/connection-mark'
import { Icon } from '~/ui/console/parts/icon'
import { Nav, viewsFor } from '~/ui/console/parts/nav'
import { SoundButton } from '~/ui/console/parts/sound-button'
import { UserMenu } from '~/ui/console/parts/user-menu'
import { Waiting } from '~/ui/console/parts/waiting'
import { ActivityView } from '~/ui/console/views/activity'
import { BoardView } from '~/ui/console/views/board'
import { CatalogueView } from '~/ui/console/views/catalogue'
import { ConnectionView } from '~/ui/console/views/connection'
import { CustomersView } from '~/ui/console/views/customers'
import { KitchenView } from '~/ui/console/views/kitchen'
import { SettingsView } from '~/ui/console/views/settings'
import { TeamView } from '~/ui/console/views/team'
import { TillView } from '~/ui/console/views/till'
import { useWebSocketEvent } from '~/ui/hooks/use-websocket'
import { WebSocketContext } from '~/ui/hooks/websocket-context'
import { useWebSocketContext, WebSocketProvider } from '~/ui/providers/websocket-provider'
import type { Membership } from '~/utils/contracts/auth'

const contents: Record<View, () => ReactNode> = {
  board: BoardView,
  kitchen: KitchenView,
  till: TillView,
  catalogue: CatalogueView,
  customers: CustomersView,
  team: TeamView,
  activity: ActivityView,
  connection: ConnectionView,
  settings: SettingsView,
}

type Props = {
  session: CurrentSession
  storeId: string
  view: View
  onSignOut: () => void
  /** Reads the session anew; the sign-in page follows when there is none. */
  onRefresh: () => Promise<unknown>
}

/** One store, opened: its connection lives as long as this page. */
export function StorePage(props: Props) {
  const { session, storeId, onRefresh } = props
  const userId = session.user.id
  const [store] = useState(() => {
    const refresh = () => void onRefresh().catch((error: unknown) => console.warn('the session could not be read', error))
    return new StoreSession(userId, storeId, refresh)
  })
  const token = deviceToken()
  const getToken = useCallback(() => token, [token])
  const membership = session.stores.find((each) => each.storeId === storeId)
  if (!membership) return <Refused />
  return (
    <WebSocketProvider
      url={socketUrl()}
      userId={userId}
      storeId={storeId}
      {...(token && { getToken })}
      onReload={store.reload}
      reconnectInterval={reconnectIntervalMs}
      outbox={outboxOf(userId)}
    >
      <StoreContent {...props} store={store} membership={membership} />
    </WebSocketProvider>
  )
}

/** A shop waits for its orders: the back-off begins well below the library's own. */
const reconnectIntervalMs = 500

type ContentProps = Props & { store: StoreSession; membership: Membership }

function StoreContent({ session, storeId, view, onSignOut, onRefresh, store, membership }: ContentProps) {
  const { state: connection } = useWebSocketContext()
  const data = useSyncExternalStore(store.state.subscribe, store.state.get)
  const outbox = outboxOf(session.user.id)
  const { pending } = useOutbox(outbox)
  const role = connection.role ?? membership.role
  const isLive = connection.state === 'live'
  const isRefused = connection.state === 'unauthorized'

  useWebSocketEvent('*', store.hear)
  useSocketSession()
  const refresh = useEffectEvent(() => void onRefresh().catch((error: unknown) => console.warn('the session could not be read', error)))
  useWebSocketEvent('unsubscribed', (frame) => frame.data.storeId === storeId && refresh())
  useEffect(() => {
    if (isRefused) refresh()
  }, [isRefused])

  const scope = useMemo((): StoreScope | undefined => {
    if (!data) return undefined
    return { storeId, user: session.user, role, session: store, state: store.state, data, outbox, isLive, ...withPending(data, pending) }
  }, [storeId, session.user, role, store, data, outbox, isLive, pending])
  useTitle(data?.store.name, data?.unseen.size ?? 0)

  if (isRefused) return <Refused />
  if (!scope) return <Waiting text={connection.state === 'offline' ? 'The server cannot be reached. Trying again …' : 'Opening the store …'} />
  return (
    <StoreScopeProvider value={scope}>
      <Frame scope={scope} view={viewsFor(role).includes(view) ? view : 'board'} onSignOut={onSignOut} />
    </StoreScopeProvider>
  )
}

function Frame({ scope, view, onSignOut }: { scope: StoreScope; view: View; onSignOut: () => void }) {
  const Content = contents[view]
  if (view === 'kitchen') {
    return (
      <main>
        <Content />
      </main>
    )
  }
  return (
    <div className="shell">
      <header className="top">
        <Link className="store-name" href="/console" title="All stores">
          <Icon name="store" />
          <b>{scope.data.store.name}</b>
          {!scope.data.store.isOpen && <span className="chip warn">Closed</span>}
        </Link>
        <span className="push" />
        <NewMark scope={scope} />
        <ConnectionMark />
        <SoundButton />
        <UserMenu user={scope.user} onSignOut={onSignOut} />
      </header>
      <Nav storeId={scope.storeId} role={scope.role} view={view} unseen={scope.data.unseen.size} />
      <main>
        <Content />
      </main>
    </div>
  )
}

/** Writes carry the socket's session, so that their events are known as this page's own. */
function useSocketSession() {
  const shared = useContext(WebSocketContext)
  useEffect(() => {
    setSocketSession(() => shared?.connection.client.getSnapshot().sessionId ?? null)
    return () => setSocketSession(() => null)
  }, [shared])
}

function useTitle(name: string | undefined, unseen: number) {
  useEffect(() => {
    document.title = `${unseen > 0 ? `(${unseen}) ` : ''}${name ?? 'ZipZap'}`
  }, [name, unseen])
}

/** New orders, announced where one works: it covers nothing, and a click leads to them. */
function NewMark({ scope }: { scope: StoreScope }) {
  const { unseen } = scope.data
  return (
    <span role="status">
      {unseen.size > 0 && (
        <button
          type="button"
          className="button small new-mark"
          onClick={() => {
            navigate(storePath(scope.storeId, 'board'))
            scope.state.markSeen(unseen)
          }}
        >
          <Icon name="bell" size={16} /> {plural(unseen.size, 'new order')}
        </button>
      )}
    </span>
  )
}

function Refused() {
  return (
    <main className="interlude">
      <p role="alert">This store is not open to you.</p>
      <Link className="button" href="/console">
        Your stores
      </Link>
    </main>
  )
}
