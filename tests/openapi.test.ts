import { beforeAll, describe, expect, test } from 'bun:test'
import { createApp } from '~/routes'
import { loadConfig } from '~/utils/config'
import { type TestServer, testServer } from './support/server'

// biome-ignore lint/suspicious/noExplicitAny: the document is walked as whatever JSON came
type Json = any

let server: TestServer
let document: Json
beforeAll(async () => {
  server = await testServer()
  document = await (await fetch(`${server.base}/openapi.json`)).json()
})

/** Pages and descriptions, which are not part of the API they describe. */
const isDescribed = (path: string) => !/^\/(docs|console|track|openapi\.json|asyncapi\.json|metrics)/.test(path)

type Operation = { name: string; path: string; method: string; operation: Json }

function operations(): Operation[] {
  return Object.entries(document.paths as Json).flatMap(([path, item]) =>
    Object.entries(item as Json).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, method, operation })),
  )
}

describe('/openapi.json', () => {
  test('is OpenAPI 3.1 with info, a server, both ways to sign in, and a described group for every route', () => {
    expect(document.openapi).toStartWith('3.1')
    expect(document.info).toMatchObject({ title: 'ZipZap API', version: expect.any(String), license: { name: 'MIT' } })
    expect(document.servers).toHaveLength(1)
    expect(document.components.securitySchemes.bearer).toMatchObject({ type: 'http', scheme: 'bearer' })
    expect(document.components.securitySchemes.cookie).toMatchObject({ type: 'apiKey', in: 'cookie' })
    const used = new Set(operations().flatMap(({ operation }) => operation.tags as string[]))
    expect([...used].sort()).toEqual(document.tags.map((tag: Json) => tag.name).sort())
  })

  test('lists every registered route, and no other', () => {
    const app = createApp(loadConfig({ NODE_ENV: 'test' }))
    const registered = new Set(
      app.routes
        .filter((route) => route.method !== 'ALL' && isDescribed(route.path))
        .map((route) => `${route.method} ${route.path.replace(/:([A-Za-z]+)/g, '{$1}')}`),
    )
    expect(
      operations()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...registered].sort())
  })

  test('is sound: references resolve, path parameters are declared, ids are unique, bodies and answers have a schema', () => {
    const problems: string[] = []
    const ids = new Map<string, string>()
    for (const { name, path, method, operation } of operations()) {
      const taken = ids.get(operation.operationId)
      if (!operation.operationId || taken) problems.push(`${name} has the id ${operation.operationId} of ${taken}`)
      ids.set(operation.operationId, name)
      if (!operation.summary) problems.push(`${name} has no summary`)
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
      const declared = (operation.parameters ?? []).filter((parameter: Json) => parameter.in === 'path').map((parameter: Json) => parameter.name)
      if (inPath.sort().join() !== declared.sort().join()) problems.push(`${name} declares path parameters ${declared}`)
      if (operation.requestBody && !['post', 'patch'].includes(method)) problems.push(`${name} takes a body`)
      if (operation.requestBody && !operation.requestBody.content['application/json'].schema) problems.push(`${name} has a body without schema`)
      const statuses = Object.keys(operation.responses)
      if (!statuses.includes('400')) problems.push(`${name} has no 400`)
      if (statuses.filter((status) => status.startsWith('2')).length !== 1) problems.push(`${name} has not one success: ${statuses}`)
      for (const status of statuses) {
        const response = operation.responses[status]
        if (!response.description || !response.content?.['application/json']?.schema) problems.push(`${name} ${status} is not described`)
      }
      if (!Array.isArray(operation.security)) problems.push(`${name} does not say who may call it`)
      else if (operation.security.length > 0 && !operation.responses[401]) problems.push(`${name} needs a session and has no 401`)
    }
    for (const reference of references(document)) if (!resolve(reference)) problems.push(`${reference} leads nowhere`)
    expect(problems).toEqual([])
  })

  test('is served with an entity tag and not sent again to who has it', async () => {
    const first = await fetch(`${server.base}/openapi.json`)
    const again = await fetch(`${server.base}/openapi.json`, { headers: { 'If-None-Match': first.headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)
  })
})

function references(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(references)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]) => (key === '$ref' && typeof child === 'string' ? [child] : references(child)))
}

const resolve = (reference: string): Json =>
  reference.startsWith('#/') &&
  reference
    .slice(2)
    .split('/')
    .reduce((value: Json, key) => value?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document)

describe('/docs', () => {
  test('is served whole from here: every script, style and image is ours, and nothing runs inline', async () => {
    const response = await fetch(`${server.base}/docs`)
    const html = await response.text()
    expect(response.status).toBe(200)
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '')
    expect(links.length).toBeGreaterThan(2)
    for (const link of links) {
      expect(link).toStartWith('/docs/')
      const asset = await fetch(server.base + link)
      expect(asset.status).toBe(200)
      expect((await asset.arrayBuffer()).byteLength).toBeGreaterThan(0)
    }
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
  })

  test('with a slash at its end leads to the page', async () => {
    const response = await fetch(`${server.base}/docs/`, { redirect: 'manual' })
    expect(response.status).toBe(308)
    expect(response.headers.get('location')).toBe('/docs')
  })

  test('gives no other page a wider policy', async () => {
    const response = await fetch(`${server.base}/health/live`)
    expect(response.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
  })
})
