import { useContext, useEffect, useReducer, useSyncExternalStore } from 'react'
import type { ClientSnapshot } from '~/ui/client/client'
import type { ClientState } from '~/ui/client/states'
import { useConnection, useView } from '~/ui/hooks/use-websocket'
import { WebSocketContext } from '~/ui/hooks/websocket-context'

export type WebSocketStatusIndicatorProps = {
  /** Also: since when, the next attempt, what waits to be sent, the delay, and the store's sockets. */
  showDetails?: boolean
  className?: string
}

const labels: Record<ClientState, string> = {
  stopped: 'Not connected',
  connecting: 'Connecting …',
  authenticating: 'Signing in …',
  catching_up: 'Catching up …',
  live: 'Live',
  stale: 'No signal',
  offline: 'Offline',
  unauthorized: 'Signed out',
}

/** Tells how far what is shown can be trusted. Screen readers are told when the state changes. */
export function WebSocketStatusIndicator({ showDetails = false, className = 'websocket-status' }: WebSocketStatusIndicatorProps) {
  const { state } = useView(useConnection({}))
  const waiting = usePendingCount() + state.queued
  const label = waiting > 0 && state.state === 'live' ? 'Sending …' : labels[state.state]
  return (
    <div className={className} data-state={state.state}>
      <span role="status">{label}</span>
      {waiting > 0 && <span data-part="waiting"> · {waiting} waiting to be sent</span>}
      {showDetails && <Details state={state} />}
    </div>
  )
}

function Details({ state }: { state: ClientSnapshot }) {
  useSeconds()
  const { retryAt, latencyMs, hasGivenUp, cannotDecrypt, ending } = state
  const isUp = state.state === 'live' || state.state === 'stale'
  return (
    <span data-part="details">
      {' '}
      · since {clock(state.since)}
      {retryAt !== null && ` · next attempt in ${Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))} s`}
      {hasGivenUp && ' · gave up'}
      {!isUp && ending?.reason && ` · ${ending.reason}`}
      {isUp && latencyMs !== null && ` · ${Math.round(latencyMs)} ms`}
      {isUp && state.storeSessions > 0 && ` · ${state.storeSessions} ${state.storeSessions === 1 ? 'socket' : 'sockets'} in the store`}
      {cannotDecrypt && ' · some events cannot be decrypted here'}
    </span>
  )
}

const clock = (ms: number): string => new Date(ms).toLocaleTimeString()

function useSeconds(): void {
  const [, tick] = useReducer((count: number) => count + 1, 0)
  useEffect(() => {
    const timer = setInterval(tick, 1000)
    return () => clearInterval(timer)
  }, [])
}

const subscribeToNothing = () => () => {}
const zero = () => 0

function usePendingCount(): number {
  const outbox = useContext(WebSocketContext)?.outbox
  const count = () => outbox?.getSnapshot().pending.length ?? 0
  return useSyncExternalStore(outbox?.subscribe ?? subscribeToNothing, outbox ? count : zero, zero)
}
