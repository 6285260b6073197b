import { everySecond } from '~/utils/ticker'

/** Resolves in the turn of the next tick, when whoever asked before has had it. */
export const nextTick = (): Promise<void> =>
  new Promise((resolve) => {
    const stop = everySecond(() => {
      stop()
      resolve()
    })
  })
