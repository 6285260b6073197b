import { type Context, Hono } from 'hono'
import { type Asset, getBundle, type PageName } from '~/routes/console-bundle'
import type { Config } from '~/utils/config'
import { notFound } from '~/utils/errors'
import type { AppEnv } from '~/utils/http'

/**
 * The console at `/console` and the guest's page at `/track/{token}`: two pages whose scripts and styles are bundled
 * from `ui/` on the first request, so that the start waits for nothing, and served whole from this process.
 */

const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0b6b5c"/><path d="M18 4 7 18h7l-2 10 12-15h-8z" fill="#fff"/></svg>'

const htmlOf = (title: string, files: string[], wsPath: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
    <meta name="color-scheme" content="light dark">
    <meta name="zipzap-ws-path" content="${Bun.escapeHTML(wsPath)}">
    <title>${title}</title>
    <link rel="icon" type="image/svg+xml" href="/console/icon.svg">
    ${files.map(tagOf).join('\n    ')}
  </head>
  <body>
    <div id="root"></div>
    <noscript>This page needs JavaScript.</noscript>
  </body>
</html>
`

const tagOf = (file: string) =>
  file.endsWith('.css') ? `<link rel="stylesheet" href="/console/assets/${file}">` : `<script type="module" src="/console/assets/${file}"></script>`

/** During a release the page may come from an instance of another version than its files: this one's do as well. */
function findByName(assets: ReadonlyMap<string, Asset>, file: string): Asset | undefined {
  const [, name, extension] = /^(\w+)-\w+\.(\w+)$/.exec(file) ?? []
  const found = [...assets].find(([known]) => known.startsWith(`${name}-`) && known.endsWith(`.${extension}`))
  return found?.[1]
}

export function consoleRoutes(config: Config) {
  const routes = new Hono<AppEnv>()

  const answerPage = (page: PageName, title: string) => async (c: Context<AppEnv>) => {
    const { pages } = await getBundle()
    c.header('Content-Security-Policy', pagePolicy)
    c.header('Cache-Control', 'no-cache')
    return c.html(htmlOf(title, pages[page], config.ws.path))
  }

  routes.get('/console/icon.svg', (c) => c.body(icon, 200, { 'Content-Type': 'image/svg+xml', 'Cache-Control': 'public, max-age=86400' }))

  routes.get('/console/assets/:file', async (c) => {
    const { assets } = await getBundle()
    const file = c.req.param('file')
    const asset = assets.get(file) ?? findByName(assets, file)
    if (!asset) throw notFound()
    c.header('Content-Type', asset.type)
    c.header('Cache-Control', assets.has(file) ? 'public, max-age=31536000, immutable' : 'no-store')
    c.header('Vary', 'Accept-Encoding', { append: true })
    if (!/\bgzip\b/.test(c.req.header('accept-encoding') ?? '')) return c.body(asset.plain)
    c.header('Content-Encoding', 'gzip')
    return c.body(asset.gzipped)
  })

  // The console's own views are paths below it, so that one can be linked to and reloaded.
  routes.get('/console', answerPage('console', 'ZipZap console'))
  routes.get('/console/*', answerPage('console', 'ZipZap console'))
  routes.get('/track/:token', answerPage('track', 'Your order'))
  return routes
}
