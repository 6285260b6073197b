/**
 * Calls `wake` whenever the browser says that the network or the page may be back, or the network gone: then timers may
 * have slept and a socket may be dead without knowing. Does nothing where there is no page. Answers how to end it.
 */
export function onWake(wake: () => void): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => {}
  const page = window
  const shown = document
  const whenVisible = () => {
    if (shown.visibilityState === 'visible') wake()
  }
  const names = ['online', 'offline', 'pageshow'] as const
  for (const name of names) page.addEventListener(name, wake)
  shown.addEventListener('visibilitychange', whenVisible)
  return () => {
    for (const name of names) page.removeEventListener(name, wake)
    shown.removeEventListener('visibilitychange', whenVisible)
  }
}
