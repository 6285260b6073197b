import type { Page } from 'playwright-core'

export type Place = { name: string; path: string; ready: (page: Page) => Promise<unknown>; isSignedOut?: boolean }

const heading = (name: string | RegExp) => (page: Page) => page.getByRole('heading', { name, level: 1 }).waitFor()
const dialog = async (page: Page) => {
  await page.getByRole('dialog').waitFor()
}

/** Every view, and what lies over some of them, with a busy store. */
export const places: Place[] = [
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
  { name: 'track', path: '/track', ready: (page) => page.getByText('This page follows your order by itself.').waitFor(), isSignedOut: true },
]

async function fillCart(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Miso ramen/ }).click()
  await page.getByRole('button', { name: /^Lemonade/ }).click()
  const toggle = page.getByRole('button', { name: /^Show order/ })
  if (await toggle.isVisible()) await toggle.click()
  await page.getByRole('button', { name: 'Send order' }).waitFor()
}

const says = (text: string) => (page: Page) => page.getByText(text, { exact: true }).first().waitFor()

/** What a store shows that has only just been made. */
export const emptyPlaces: Place[] = [
  { name: 'board', path: 'board', ready: says('Nothing new') },
  { name: 'kitchen', path: 'kitchen', ready: says('No orders. All done.') },
  { name: 'till', path: 'till', ready: says('There is nothing on the menu yet') },
  { name: 'catalogue', path: 'catalogue', ready: says('Nothing here yet: begin with a product, or with a category to put it into') },
  { name: 'customers', path: 'customers', ready: says('Nobody yet') },
  { name: 'activity', path: 'activity', ready: says('Nothing yet') },
]
