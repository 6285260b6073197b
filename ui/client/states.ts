/**
 * The client's state machine as data: docs/client-states.md shows this very table, and a test compares the two. What is
 * not in a row leaves the state as it is.
 */

export type ClientState = 'stopped' | 'connecting' | 'authenticating' | 'catching_up' | 'live' | 'stale' | 'offline' | 'unauthorized'

/**
 * - `start`: the caller starts the client, or asks it to reconnect.
 * - `retry`: the back-off is over, or the network or the page is back.
 * - `greeted`: the hub's greeting came.
 * - `accepted`: the hub accepted `authenticate`.
 * - `caught_up`: every stream is live and every snapshot that was needed is there.
 * - `reload`: a place in a stream is lost; a snapshot is being fetched.
 * - `silent`: nothing came for more than one and a half heartbeats.
 * - `heard`: something came.
 * - `lost`: the socket is gone, by a close code after which clients come back, a deadline, or a failed probe.
 * - `refused`: the session does not hold (4400, 4401, 4403, or `authenticate` was refused).
 * - `dismissed`: a close code after which clients stay away (1000, 1003, 1009).
 * - `stop`: the caller stops the client.
 */
export type ClientEvent =
  | 'start'
  | 'retry'
  | 'greeted'
  | 'accepted'
  | 'caught_up'
  | 'reload'
  | 'silent'
  | 'heard'
  | 'lost'
  | 'refused'
  | 'dismissed'
  | 'stop'

const ends = { lost: 'offline', refused: 'unauthorized', dismissed: 'stopped', stop: 'stopped' } as const

export const transitions: Readonly<Record<ClientState, Readonly<Partial<Record<ClientEvent, ClientState>>>>> = {
  stopped: { start: 'connecting' },
  connecting: { greeted: 'authenticating', ...ends },
  authenticating: { accepted: 'catching_up', ...ends },
  catching_up: { caught_up: 'live', ...ends },
  live: { silent: 'stale', reload: 'catching_up', ...ends },
  stale: { heard: 'live', reload: 'catching_up', ...ends },
  offline: { start: 'connecting', retry: 'connecting', refused: 'unauthorized', stop: 'stopped' },
  unauthorized: { start: 'connecting', stop: 'stopped' },
}

export const nextState = (state: ClientState, event: ClientEvent): ClientState => transitions[state][event] ?? state
