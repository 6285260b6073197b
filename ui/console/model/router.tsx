import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from 'react'

/** Views are paths below `/console`, so that each can be linked to, reloaded and gone back to. */

const listeners = new Set<() => void>()

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  addEventListener('popstate', listener)
  return () => {
    listeners.delete(listener)
    removeEventListener('popstate', listener)
  }
}

export const usePath = (): string => useSyncExternalStore(subscribe, () => location.pathname)

export function navigate(path: string, { replace = false } = {}): void {
  if (path === location.pathname) return
  history[replace ? 'replaceState' : 'pushState'](null, '', path)
  for (const listener of [...listeners]) listener()
}

/** A link that stays in the page; with a modifier key the browser does what it always does. */
export function Link({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  function follow(event: MouseEvent<HTMLAnchorElement>) {
    onClick?.(event)
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    navigate(href)
  }
  return <a href={href} onClick={follow} {...rest} />
}

export const views = ['board', 'kitchen', 'till', 'catalogue', 'customers', 'team', 'activity', 'connection', 'settings'] as const
export type View = (typeof views)[number]

export type Route = { page: 'stores' } | { page: 'account' } | { page: 'reset' } | { page: 'store'; storeId: string; view: View }

export function parsePath(path: string): Route {
  const [, first = '', second = '', third = ''] = path.split('/').filter(Boolean)
  if (first === 'account') return { page: 'account' }
  if (first === 'reset-password') return { page: 'reset' }
  if (first !== 'stores' || second === '') return { page: 'stores' }
  return { page: 'store', storeId: second, view: views.find((view) => view === third) ?? 'board' }
}

export const storePath = (storeId: string, view: View): string => `/console/stores/${storeId}/${view}`
