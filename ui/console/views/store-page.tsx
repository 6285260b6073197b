import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { plural } from '~/ui/console/model/format'
import { Link, navigate, storePath, type View } from '~/ui/console/model/router'
import type { CurrentSession } from '~/ui/console/model/session'
import { StoreConnection } from '~/ui/console/model/store-connection'
import { type StoreScope, StoreScopeProvider } from '~/ui/console/model/store-scope'
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
export function StorePage({ session, storeId, view, onSignOut, onRefresh }: Props) {
  const connection = useConnection(session.user.id, storeId, onRefresh)
  const data = useSyncExternalStore(connection.state.subscribe, connection.state.get)
  const client = useSyncExternalStore(connection.client.subscribe, connection.client.getSnapshot)
  const role = client.role ?? session.stores.find((membership) => membership.storeId === storeId)?.role

  const scope = useMemo(
    (): StoreScope | undefined => data && role && { storeId, user: session.user, role, connection, state: connection.state, data },
    [storeId, session.user, role, connection, data],
  )
  useTitle(data?.store.name, data?.unseen.size ?? 0)

  if (client.state === 'unauthorized' || !role) return <Refused />
  if (!scope) return <Waiting text={client.state === 'offline' ? 'The server cannot be reached. Trying again …' : 'Opening the store …'} />
  const shown = viewsFor(role).includes(view) ? view : 'board'
  const Content = contents[shown]
  if (shown === 'kitchen') {
    return (
      <StoreScopeProvider value={scope}>
        <main>
          <Content />
        </main>
      </StoreScopeProvider>
    )
  }
  return (
    <StoreScopeProvider value={scope}>
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
          <UserMenu user={session.user} onSignOut={onSignOut} />
        </header>
        <Nav storeId={storeId} role={role} view={shown} unseen={scope.data.unseen.size} />
        <main>
          <Content />
        </main>
      </div>
    </StoreScopeProvider>
  )
}

function useConnection(userId: string, storeId: string, onRefresh: () => Promise<unknown>): StoreConnection {
  const [connection] = useState(() => {
    const refresh = () => void onRefresh().catch((error: unknown) => console.warn('the session could not be read', error))
    return new StoreConnection(userId, storeId, { onRefused: refresh, onUserChanged: refresh })
  })
  useEffect(() => {
    connection.start()
    return () => connection.stop()
  }, [connection])
  return connection
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
    <main className="waiting">
      <p role="alert">This store is not open to you.</p>
      <Link className="button" href="/console">
        Your stores
      </Link>
    </main>
  )
}
