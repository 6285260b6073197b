import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import type { AsyncApiDocument } from '~/routes/asyncapi'
import type { OpenApiDocument } from '~/routes/openapi'
import type { AppEnv } from '~/utils/http'

/**
 * The API described: `/openapi.json` and `/asyncapi.json`, built when they are first asked for, since a start should not
 * wait for them, and Swagger UI at `/docs`, every byte of it served from here.
 */

const swaggerFiles: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>ZipZap API</title>
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`

// The token a reader types in is kept nowhere: `persistAuthorization` stays off.
const startScript = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
})
`

/** Swagger UI draws its icons from data URLs; everything else comes from this process, and nothing runs inline. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export function documentRoutes(openApi: () => OpenApiDocument, asyncApi: () => AsyncApiDocument) {
  const routes = new Hono<AppEnv>()
  const documents = { '/openapi.json': openApi, '/asyncapi.json': asyncApi }

  for (const [path, describe] of Object.entries(documents)) {
    let built: ReturnType<typeof written> | undefined
    routes.get(path, (c) => {
      built ??= written(describe())
      const { text, tag } = built
      c.header('ETag', tag)
      c.header('Cache-Control', 'no-cache')
      if (c.req.header('if-none-match') === tag) return c.body(null, 304)
      return c.body(text, 200, { 'Content-Type': 'application/json' })
    })
  }

  routes.get('/docs', (c) => {
    c.header('Content-Security-Policy', pagePolicy)
    c.header('Cache-Control', 'no-cache')
    return c.html(page)
  })
  routes.get('/docs/', (c) => c.redirect('/docs', 308))
  routes.get('/docs/start.js', (c) => c.body(startScript, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }))

  for (const [name, type] of Object.entries(swaggerFiles)) {
    const file = Bun.file(Bun.resolveSync(`swagger-ui-dist/${name}`, import.meta.dir))
    routes.get(`/docs/${name}`, async (c) => {
      c.header('Cache-Control', 'public, max-age=3600')
      return c.body(await file.arrayBuffer(), 200, { 'Content-Type': type })
    })
  }
  return routes
}

function written(document: object) {
  const text = JSON.stringify(document)
  return { text, tag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"` }
}
