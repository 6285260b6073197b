import { useSyncExternalStore } from 'react'
import { onNextFrame } from '~/ui/hooks/next-frame'

/**
 * The server's time as far as this page knows it: wall tablets are minutes off, and an order's age must not be. The
 * `Date` of answers has whole seconds, so a smaller difference counts as none.
 */
let offsetMs = 0

export function learnServerTime(dateHeader: string | null, askedAt: number): void {
  const serverMs = Date.parse(dateHeader ?? '')
  if (Number.isNaN(serverMs)) return
  const found = serverMs + 500 - (askedAt + Date.now()) / 2
  offsetMs = Math.abs(found) < 2000 ? 0 : found
}

export const serverNow = (): number => Date.now() + offsetMs

type Ticker = { listeners: Set<() => void>; timer: ReturnType<typeof setInterval> | undefined; nowMs: number }
const tickers = new Map<number, Ticker>()

function tickerOf(everyMs: number): Ticker {
  const ticker = tickers.get(everyMs) ?? { listeners: new Set(), timer: undefined, nowMs: serverNow() }
  tickers.set(everyMs, ticker)
  return ticker
}

function listen(everyMs: number, listener: () => void): () => void {
  const ticker = tickerOf(everyMs)
  ticker.listeners.add(listener)
  const tick = () => {
    ticker.nowMs = serverNow()
    for (const each of ticker.listeners) each()
  }
  ticker.timer ??= setInterval(() => onNextFrame(tick), everyMs)
  return () => {
    ticker.listeners.delete(listener)
    if (ticker.listeners.size > 0) return
    clearInterval(ticker.timer)
    ticker.timer = undefined
  }
}

const listenEvery = new Map<number, (listener: () => void) => () => void>()

/** The server's time, renewed every `everyMs`; all users of one rhythm share a timer and see the same moment. */
export function useNow(everyMs: number): number {
  const subscribe = listenEvery.get(everyMs) ?? ((listener: () => void) => listen(everyMs, listener))
  listenEvery.set(everyMs, subscribe)
  return useSyncExternalStore(subscribe, () => tickerOf(everyMs).nowMs)
}
