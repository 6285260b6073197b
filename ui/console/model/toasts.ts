import { useSyncExternalStore } from 'react'

/** Short notices at the edge of the page; they never take the focus and never cover a button for long. */

export type Toast = { id: number; level: 'info' | 'success' | 'warning' | 'error'; message: string }

const shownMs = 7000
let toasts: readonly Toast[] = []
let lastId = 0
const listeners = new Set<() => void>()

function replace(next: readonly Toast[]): void {
  toasts = next
  for (const listener of listeners) listener()
}

export function dismiss(id: number): void {
  replace(toasts.filter((toast) => toast.id !== id))
}

export function notify(level: Toast['level'], message: string): void {
  const id = ++lastId
  replace([...toasts.slice(-3), { id, level, message }])
  setTimeout(dismiss, shownMs, id)
}

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const useToasts = () => useSyncExternalStore(subscribe, () => toasts)
