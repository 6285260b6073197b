import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { moveOrder, openShop, type Shop, takeOrder } from './shop'
import { launchBrowser, openScreen, openSite, type Site, timeoutMs, waitForState } from './support'

/** Every view at the sizes it is made for: nothing serious for axe-core, nothing wider than the screen, and a picture. */

const artifacts = join(import.meta.dir, 'artifacts')
const sizes = { phone: [390, 844], tablet: [820, 1180], wall: [1920, 1080] } as const

setDefaultTimeout(timeoutMs)

let browser: Browser
let site: Site
let shop: Shop
let trackingToken: string

beforeAll(async () => {
  await mkdir(artifacts, { recursive: true })
  ;[browser, site] = await Promise.all([launchBrowser(), openSite()])
  shop = await openShop(site.api)
  trackingToken = await serveLunch()
})

afterAll(async () => {
  await browser?.close()
  await site?.close()
})

/** Orders in every status, some of them with much to show. */
async function serveLunch(): Promise<string> {
  const taken = [
    await takeOrder(shop, {
      items: [
        ['Margherita', 2],
        ['Lemonade', 2],
      ],
      customer: { firstName: 'Elena', lastName: 'Rossi', phone: '+49 30 1234567' },
    }),
    await takeOrder(shop, { items: [['Miso ramen', 1]], type: 'dine_in', tableNumber: '12', note: 'Allergic to peanuts, please be careful' }),
    await takeOrder(shop, {
      items: [
        ['Green curry with jasmine rice', 1],
        ['Bibimbap', 2],
        ['Quattro formaggi', 1],
        ['Espresso', 2],
        ['Lemonade', 1],
      ],
      type: 'delivery',
      deliveryAddress: '7 Long Garden Road, third floor, ring twice',
      customer: { firstName: 'Maximilian', lastName: 'von Hohenstein-Lichtenberg' },
      discount: 500,
      tip: 300,
    }),
    await takeOrder(shop, { items: [['Espresso', 1]] }),
    await takeOrder(shop, { items: [['Marinara', 3]] }),
    await takeOrder(shop, { items: [['Lemonade', 4]], type: 'dine_in', tableNumber: '3' }),
    await takeOrder(shop, {
      items: [
        ['Miso ramen', 2],
        ['Espresso', 2],
      ],
    }),
  ]
  const path = ['confirmed', 'preparing', 'ready', 'completed']
  for (const [index, order] of taken.entries()) for (const status of path.slice(0, Math.max(0, index - 1))) await moveOrder(shop, order.id, status)
  await shop.owner.api.post(`${shop.path}/devices`, { name: 'Kitchen wall', role: 'kitchen' })
  await shop.owner.api.post(`${shop.path}/orders/${taken[3]?.id}/payments`, { kind: 'payment', method: 'card', amount: 240 })
  return taken[3].trackingToken
}

type Place = { name: string; path: string; ready: (page: Page) => Promise<unknown>; isSignedOut?: boolean }

const heading = (name: string | RegExp) => (page: Page) => page.getByRole('heading', { name, level: 1 }).waitFor()
const dialog = async (page: Page) => {
  await page.getByRole('dialog').waitFor()
}

const places: Place[] = [
  { name: 'sign-in', path: '/console', ready: heading('Sign in'), isSignedOut: true },
  { name: 'stores', path: '/console', ready: (page) => page.getByRole('link', { name: /Corner Kitchen/ }).waitFor() },
  { name: 'account', path: '/console/account', ready: (page) => page.getByText('This one').waitFor() },
  { name: 'board', path: 'board', ready: (page) => page.locator('.card').first().waitFor({ state: 'attached' }) },
  {
    name: 'order',
    path: 'board',
    ready: async (page) => {
      await page.locator('[data-order="1002"] .card-open').click()
      await dialog(page)
    },
  },
  { name: 'kitchen', path: 'kitchen', ready: (page) => page.locator('.ticket').first().waitFor() },
  { name: 'till', path: 'till', ready: fillCart },
  {
    name: 'choices',
    path: 'till',
    ready: async (page) => {
      await page.getByRole('button', { name: /^Margherita/ }).click()
      await dialog(page)
    },
  },
  { name: 'catalogue', path: 'catalogue', ready: (page) => page.getByText('Craft beer').first().waitFor() },
  {
    name: 'product',
    path: 'catalogue',
    ready: async (page) => {
      await page.getByRole('button', { name: 'Edit Margherita' }).click()
      await dialog(page)
    },
  },
  { name: 'customers', path: 'customers', ready: (page) => page.getByText('Elena Rossi').waitFor() },
  { name: 'team', path: 'team', ready: (page) => page.getByText('Sofia Larsen').first().waitFor() },
  { name: 'activity', path: 'activity', ready: (page) => page.getByText(/took order 1001/).waitFor() },
  { name: 'connection', path: 'connection', ready: (page) => page.locator('.chart-line').first().waitFor({ state: 'attached' }) },
  { name: 'settings', path: 'settings', ready: heading('Settings') },
  { name: 'track', path: '/track', ready: (page) => page.getByText('Your order is being made').waitFor(), isSignedOut: true },
]

async function fillCart(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Miso ramen/ }).click()
  await page.getByRole('button', { name: /^Lemonade/ }).click()
  const toggle = page.getByRole('button', { name: /^Show order/ })
  if (await toggle.isVisible()) await toggle.click()
  await page.getByRole('button', { name: 'Send order' }).waitFor()
}

async function visit(place: Place, [width, height]: readonly [number, number], colorScheme: 'light' | 'dark') {
  const path = place.name === 'track' ? `/track/${trackingToken}` : place.path.startsWith('/') ? place.path : `/console${shop.path}/${place.path}`
  const screen = await openScreen(browser, site.base, place.isSignedOut ? null : shop.owner, path, { width, height, colorScheme })
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

for (const [size, dimensions] of Object.entries(sizes)) {
  describe(size, () => {
    for (const place of places) {
      test(`${place.name} is legible to everybody, and fits`, async () => {
        const { page, context, problems } = await visit(place, dimensions, 'light')
        await page.screenshot({ path: join(artifacts, `${place.name}-${size}.png`) })
        expect(await judge(page)).toEqual([])
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
        expect(problems).toEqual([])
        await context.close()
      })
    }
  })
}

describe('in the dark', () => {
  for (const place of places) {
    test(`${place.name} keeps its contrast`, async () => {
      const { page, context } = await visit(place, [1280, 800], 'dark')
      await page.screenshot({ path: join(artifacts, `${place.name}-dark.png`) })
      expect(await judge(page)).toEqual([])
      await context.close()
    })
  }
})
