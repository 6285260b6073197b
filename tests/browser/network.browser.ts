import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { eventsOf, moveOrder, openOrders, openShop, type Shop, takeOrder } from './shop'
import {
  firstLookBack,
  launchBrowser,
  openScreen,
  openSite,
  ordersOn,
  pictureOf,
  type Screen,
  type Site,
  takeLooks,
  timeoutMs,
  tooWide,
  waitForState,
} from './support'

/** What a network does to a page: it goes away, or it only looks as if it were there. */

setDefaultTimeout(timeoutMs)

let browser: Browser
let site: Site
let shop: Shop

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launchBrowser(), openSite({ WS_HEARTBEAT_MS: '1000' })])
  shop = await openShop(site.api)
})

afterAll(async () => {
  await browser?.close()
  await site?.close()
})

const openBoard = async (): Promise<Screen> => {
  const screen = await openScreen(browser, site.base, shop.owner, `/console${shop.path}/board`)
  await waitForState(screen.page, 'live')
  return screen
}

const inColumn = (screen: Screen, status: string, number: string) => screen.page.locator(`.column.${status} [data-order="${number}"]`)

const offlineMs = 30_000

/** Resolves half a minute after `since`, by the page's own clock. */
const halfMinuteSince = (page: Page, since: number) =>
  page.waitForFunction(([start, length]) => performance.now() - start >= length, [since, offlineMs] as const, { timeout: timeoutMs })

test('three writes made in half a minute without a network are done once, in order, when it is back', async () => {
  const order = await takeOrder(shop, { items: [['Lemonade', 1]] })
  const before = await eventsOf(shop)
  const screen = await openBoard()
  const { page, context } = screen
  await inColumn(screen, 'pending', order.orderNumber).waitFor()
  site.network.refuse()
  await context.setOffline(true)
  const since = await page.evaluate(() => performance.now())
  await waitForState(page, 'offline')
  await takeLooks(page)

  await inColumn(screen, 'pending', order.orderNumber).getByRole('button', { name: 'Confirm' }).click()
  await inColumn(screen, 'confirmed', order.orderNumber).getByText('Not sent yet').waitFor()
  await page.getByRole('link', { name: 'Till', exact: true }).click()
  await page.getByRole('button', { name: /^Espresso/ }).click()
  await page.getByRole('button', { name: 'Send order' }).click()
  await page.getByText('The order is kept on this device').waitFor()
  await page.getByRole('link', { name: 'Orders', exact: true }).click()
  await page.getByText('No number yet').waitFor()
  await inColumn(screen, 'confirmed', order.orderNumber).getByRole('button', { name: 'Start' }).click()
  await page.getByText('3 waiting to be sent').waitFor()
  await halfMinuteSince(page, since)
  await pictureOf(page, 'board-offline')
  expect(await tooWide(page)).toEqual([])
  expect(await eventsOf(shop)).toEqual(before)
  expect((await takeLooks(page)).map((look) => look.state)).not.toContain('live')

  site.network.restore()
  await context.setOffline(false)
  await waitForState(page, 'live')
  await page.getByText('waiting to be sent').waitFor({ state: 'detached' })
  await inColumn(screen, 'preparing', order.orderNumber).waitFor()
  const made = (await eventsOf(shop)).slice(before.length)
  const [, created] = made
  expect(made).toEqual([`${order.orderNumber} order_status_changed confirmed`, created ?? '', `${order.orderNumber} order_status_changed preparing`])
  expect(created).toMatch(/^\d+ order_created pending$/)
  await page.getByText('No number yet').waitFor({ state: 'detached' })
  expect(await ordersOn(page)).toEqual(await openOrders(shop))
  expect(screen.problems).toEqual([])
  await context.close()
})

test('a write that the server refuses after it had to wait is shown until somebody decides', async () => {
  const order = await takeOrder(shop, { items: [['Lemonade', 1]] })
  const screen = await openBoard()
  const { page, context } = screen
  await inColumn(screen, 'pending', order.orderNumber).waitFor()
  site.network.refuse()
  await waitForState(page, 'offline')
  await inColumn(screen, 'pending', order.orderNumber).getByRole('button', { name: 'Confirm' }).click()
  await inColumn(screen, 'confirmed', order.orderNumber).waitFor()
  await shop.owner.api.post(`${shop.path}/orders/${order.id}/status`, { status: 'cancelled' })
  site.network.restore()

  await inColumn(screen, 'completed', order.orderNumber).waitFor()
  await page.getByRole('link', { name: '1 refused' }).click()
  await page.getByText(`Order ${order.orderNumber} to confirmed`).waitFor()
  await page.getByRole('button', { name: 'Give up' }).click()
  await page.getByRole('link', { name: '1 refused' }).waitFor({ state: 'detached' })
  expect(screen.problems).toEqual([])
  await context.close()
})

test('a network that swallows everything is found out, and connected is said again only with what was missed', async () => {
  const screen = await openBoard()
  await takeLooks(screen.page)
  site.network.freeze()
  const missed = await takeOrder(shop, { items: [['Miso ramen', 1]] })
  await screen.page.locator('[data-state="stale"], [data-state="offline"]').first().waitFor()
  site.network.restore()
  await waitForState(screen.page, 'live')
  expect((await firstLookBack(screen)).orders[missed.orderNumber]).toBe('pending')
  expect(await ordersOn(screen.page)).toEqual(await openOrders(shop))
  await screen.context.close()
})

test('a guest follows an order, also across a lost connection', async () => {
  const order = await takeOrder(shop, { items: [['Espresso', 2]] })
  const { page, context, problems } = await openScreen(browser, site.base, null, `/track/${order.trackingToken}`)
  await page.getByText('This page follows your order by itself.').waitFor()
  await moveOrder(shop, order.id, 'confirmed')
  await page.getByText('Your order is confirmed').waitFor()
  site.network.refuse()
  await page.getByText('what is shown may be a moment old').waitFor()
  await moveOrder(shop, order.id, 'preparing')
  await moveOrder(shop, order.id, 'ready')
  site.network.restore()
  await page.getByText('Your order is ready').waitFor()
  await page.getByText('This page follows your order by itself.').waitFor()
  expect(problems).toEqual([])
  await context.close()
})
