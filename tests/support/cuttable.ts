import { startProxy } from './proxy'
import type { TestServer } from './server'

/** A server's address behind a TCP proxy that a test can cut. */
export async function cuttable(server: TestServer): Promise<Awaited<ReturnType<typeof startProxy>> & { ws: string }> {
  const proxy = await startProxy(new URL(server.base))
  return { ...proxy, url: proxy.url.replace(/\/$/, ''), ws: `${proxy.url.replace('http', 'ws')}ws` }
}
