import { Window } from 'happy-dom'

/**
 * A page for React in this process. Only what React DOM looks for is put into the global scope: fetch, WebSocket, Response
 * and the like stay the runtime's own, since the server under test runs here too.
 */

const names = [
  'window',
  'document',
  'location',
  'navigator',
  'sessionStorage',
  'HTMLElement',
  'HTMLIFrameElement',
  'Element',
  'Node',
  'requestAnimationFrame',
  'cancelAnimationFrame',
] as const

export type Dom = { window: Window; close(): Promise<void> }

/** Opens the page; `frameMs` is the length of a frame. `close` puts everything back. */
export function openDom(url: string): Dom {
  const window = new Window({ url })
  const before = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const)
  for (const name of names) {
    const value = name === 'window' ? window : valueIn(window, name)
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  }
  Reflect.set(globalThis, 'IS_REACT_ACT_ENVIRONMENT', false)
  return {
    window,
    async close() {
      for (const [name, descriptor] of before) {
        if (descriptor) Object.defineProperty(globalThis, name, descriptor)
        else Reflect.deleteProperty(globalThis, name)
      }
      await window.happyDOM.close()
    },
  }
}

/** Functions of a window work on that window only. */
function valueIn(window: Window, name: (typeof names)[number]): unknown {
  if (name === 'requestAnimationFrame') return (run: () => void) => window.requestAnimationFrame(run)
  if (name === 'cancelAnimationFrame') return (frame: ReturnType<Window['requestAnimationFrame']>) => window.cancelAnimationFrame(frame)
  return Reflect.get(window, name)
}

/** Resolves when `read` answers something after a change of the page; rejects after a while with what the page shows. */
export function appears<T>(read: () => T | undefined | null | false, timeoutMs = 15_000): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const look = () => {
    const found = read()
    if (found) resolve(found)
  }
  const observer = new (Reflect.get(window, 'MutationObserver') as typeof MutationObserver)(look)
  observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true })
  const timer = setTimeout(() => reject(new Error(`it did not appear in: ${document.body.innerHTML}`)), timeoutMs)
  look()
  return promise.finally(() => {
    observer.disconnect()
    clearTimeout(timer)
  })
}
