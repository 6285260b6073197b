/** The sockets that a test has opened and not closed: they end with it, or the next ones would find the user's places taken. */

type Closable = { end(): Promise<unknown> }

const open = new Set<Closable>()

export const noteOpen = (socket: Closable): void => void open.add(socket)
export const noteClosed = (socket: Closable): void => void open.delete(socket)

export const closeOpenSockets = (): Promise<unknown> => Promise.all([...open].map((socket) => socket.end()))
