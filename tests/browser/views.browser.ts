import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir } from 'node:fs/promises'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { serveLunch } from './lunch'
import { emptyPlaces, type Place, places } from './places'
import { openShop, type Shop } from './shop'
import { artifacts, launchBrowser, openScreen, openSite, pictureOf, type ScreenOptions, type Site, timeoutMs, tooWide, waitForState } from './support'

/** Every view at the sizes it is made for: nothing serious for axe-core, nothing wider than the screen, and a picture. */

const sizes = {
  phone: { width: 390, height: 844, isTouch: true },
  tablet: { width: 820, height: 1180, isTouch: true },
  wall: { width: 1920, height: 1080 },
} as const
const desk = { width: 1280, height: 800 } as const

setDefaultTimeout(timeoutMs)

let browser: Browser
let site: Site
let shop: Shop
let trackingToken: string
let emptyPath: string

beforeAll(async () => {
  await mkdir(artifacts, { recursive: true })
  ;[browser, site] = await Promise.all([launchBrowser(), openSite()])
  shop = await openShop(site.api)
  trackingToken = await serveLunch(shop)
  emptyPath = `/stores/${(await shop.owner.api.post('/stores', { name: 'Second Kitchen' })).data.id}`
})

afterAll(async () => {
  await browser?.close()
  await site?.close()
})

async function visit(place: Place, options: ScreenOptions, storePath = shop.path) {
  const path = place.name === 'track' ? `/track/${trackingToken}` : place.path.startsWith('/') ? place.path : `/console${storePath}/${place.path}`
  const screen = await openScreen(browser, site.base, place.isSignedOut ? null : shop.owner, path, options)
  if (!place.path.startsWith('/')) await waitForState(screen.page, 'live')
  await place.ready(screen.page)
  return screen
}

/** Through the debugger, which the page's policy does not bind. */
async function judge(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const results: AxeResults = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run())
  return results.violations
    .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
    .map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`)
}

async function inspect(place: Place, picture: string, options: ScreenOptions, storePath?: string): Promise<void> {
  const { page, context, problems } = await visit(place, options, storePath)
  await pictureOf(page, picture)
  expect(await judge(page)).toEqual([])
  expect(await tooWide(page)).toEqual([])
  expect(problems).toEqual([])
  await context.close()
}

for (const [size, options] of Object.entries(sizes)) {
  describe(size, () => {
    for (const place of places) {
      test(`${place.name} is legible to everybody, and fits`, () => inspect(place, `${place.name}-${size}`, options))
    }
  })
}

describe('in the dark', () => {
  for (const place of places) {
    test(`${place.name} keeps its contrast`, () => inspect(place, `${place.name}-dark`, { ...desk, colorScheme: 'dark' }))
  }
})

describe('of a new store', () => {
  for (const place of emptyPlaces) {
    test(`${place.name} says that it is empty`, () => inspect(place, `${place.name}-empty`, sizes.phone, emptyPath))
  }
})

/** Moves each open order of the snapshot further back: by no, four, eight … minutes, of fifteen that an order may take. */
async function letWait(context: BrowserContext): Promise<void> {
  await context.route('**/snapshot', async (route) => {
    const response = await route.fetch()
    const snapshot = await response.json()
    for (const [index, order] of snapshot.data.openOrders.entries()) {
      order.createdAt = new Date(Date.parse(order.createdAt) - index * 4 * 60_000).toISOString()
    }
    await route.fulfill({ response, json: snapshot })
  })
}

describe('with orders that have waited', () => {
  const late = places.filter((place) => place.name === 'board' || place.name === 'kitchen')
  for (const place of late) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`${place.name} shows which, ${colorScheme}`, async () => {
        const { page, context } = await visit(place, { ...sizes.wall, colorScheme, prepare: letWait })
        await page.locator('.late').first().waitFor()
        await page.locator('.soon').first().waitFor()
        await pictureOf(page, `${place.name}-late-${colorScheme}`)
        expect(await judge(page)).toEqual([])
        expect(await tooWide(page)).toEqual([])
        await context.close()
      })
    }
  }
})
