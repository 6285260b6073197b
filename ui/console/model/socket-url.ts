/** The hub of this very host; its path is told by the page, since it is a setting of the server. */
export function socketUrl(): string {
  const path = document.querySelector<HTMLMetaElement>('meta[name="zipzap-ws-path"]')?.content ?? '/ws'
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`
}
