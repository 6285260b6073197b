import { describe, expect, test } from 'bun:test'
import { testServer } from './support/server'

const get = async (path: string, init: RequestInit = {}) => fetch((await testServer()).base + path, { redirect: 'manual', ...init })

/** The scripts and styles that a page names. */
const filesOf = (html: string) => [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '')

describe('the console', () => {
  test('answers one page for itself and for every view below it', async () => {
    const pages = await Promise.all(['/console', '/console/', '/console/stores/some-store/board'].map((path) => get(path)))
    const texts = await Promise.all(pages.map((page) => page.text()))
    expect(pages.map((page) => page.status)).toEqual([200, 200, 200])
    expect(pages[0]?.headers.get('content-type')).toBe('text/html; charset=UTF-8')
    expect(new Set(texts).size).toBe(1)
  })

  test('lets nothing run, load or connect but what is served from here, and nothing inline', async () => {
    const page = await get('/console')
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).toContain("connect-src 'self'")
    expect(policy).not.toContain('unsafe')
    const html = await page.text()
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/)
    expect(filesOf(html).length).toBeGreaterThan(1)
    expect(filesOf(html).filter((file) => !/^\/console\//.test(file))).toEqual([])
  })

  test('serves each file that its page names, to be kept for good, compressed for whoever takes that', async () => {
    for (const path of ['/console', '/track/some-token']) {
      for (const file of filesOf(await (await get(path)).text()).filter((name) => name.includes('/assets/'))) {
        const plain = await get(file, { headers: { 'Accept-Encoding': 'identity' } })
        const packed = await get(file, { headers: { 'Accept-Encoding': 'gzip' } })
        expect(plain.status).toBe(200)
        expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
        expect(plain.headers.get('content-type')).toMatch(/^text\/(javascript|css); charset=utf-8$/)
        expect(plain.headers.get('content-encoding')).toBeNull()
        expect(packed.headers.get('content-encoding')).toBe('gzip')
        expect(packed.headers.get('vary')).toContain('Accept-Encoding')
        expect(await packed.text()).toBe(await plain.text())
      }
    }
  })

  test('is built for browsers: no development tools, no paths of this machine', async () => {
    const files = filesOf(await (await get('/console')).text()).filter((file) => file.endsWith('.js'))
    for (const file of files) {
      const script = await (await get(file)).text()
      expect(script).not.toContain(process.cwd())
      expect(script).not.toContain('jsxDEV')
      expect(script).not.toContain('sourceMappingURL')
    }
  })

  test('serves its own files in place of those of another version, and keeps nobody from asking again', async () => {
    const html = await (await get('/console')).text()
    for (const file of filesOf(html).filter((name) => name.includes('/assets/'))) {
      const other = await get(file.replace(/-\w+\./, '-00000000.'))
      expect(other.status).toBe(200)
      expect(other.headers.get('cache-control')).toBe('no-store')
      expect(await other.text()).toBe(await (await get(file)).text())
    }
  })

  test('says nothing of files that are not there', async () => {
    const missing = await get('/console/assets/other-00000000.js')
    expect(missing.status).toBe(404)
    expect(await missing.json()).toMatchObject({ success: false, error: { code: 'not_found' } })
    const outside = await get('/console/assets/..%2f..%2fpackage.json')
    expect(outside.status).toBe(404)
  })

  test('is only read', async () => {
    const answer = await get('/console', { method: 'POST' })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET, HEAD')
  })
})

test('a guest gets the tracking page for any token; whether there is an order, only its script asks', async () => {
  const page = await get('/track/no-such-token')
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('<title>Your order</title>')
  expect(page.headers.get('referrer-policy')).toBe('no-referrer')
})
