/** Loaded ahead of servers that have no such thing themselves: collects garbage when asked to, so that memory can be compared. */
process.on('SIGUSR2', () => Bun.gc(true))

export {}
