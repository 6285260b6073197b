import { useSyncExternalStore } from 'react'
import type { ClientState } from '~/ui/client/states'
import { useStoreScope } from '~/ui/console/model/store-scope'

const words: Record<ClientState, string> = {
  stopped: 'Not connected',
  connecting: 'Connecting',
  authenticating: 'Connecting',
  catching_up: 'Catching up',
  live: 'Connected',
  stale: 'Checking',
  offline: 'Offline',
  unauthorized: 'Signed out',
}

export function ConnectionMark() {
  const { client } = useStoreScope().connection
  const { state } = useSyncExternalStore(client.subscribe, client.getSnapshot)
  return (
    <span className={`connection-mark ${state}`} role="status" data-state={state}>
      <span className="dot" /> {words[state]}
    </span>
  )
}
