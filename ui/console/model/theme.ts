import { useSyncExternalStore } from 'react'

/** Light, dark, or as the system has it. */
export type Theme = 'system' | 'light' | 'dark'

const key = 'zipzap.theme'
const listeners = new Set<() => void>()

function read(): Theme {
  const saved = localStorage.getItem(key)
  return saved === 'light' || saved === 'dark' ? saved : 'system'
}

let theme = read()

export function setTheme(next: Theme): void {
  theme = next
  localStorage.setItem(key, next)
  applyTheme()
  for (const listener of listeners) listener()
}

/** Called before the first rendering, so that nothing flashes. */
export function applyTheme(): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, () => theme)
