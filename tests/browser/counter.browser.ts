import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { openShop, type Shop, takeOrder } from './shop'
import { launchBrowser, openScreen, openSite, type Site, timeoutMs, waitForState } from './support'

/** What people do with the console, by hand and by keyboard. */

setDefaultTimeout(timeoutMs)

let browser: Browser
let site: Site
let shop: Shop

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launchBrowser(), openSite()])
  shop = await openShop(site.api)
})

afterAll(async () => {
  await browser?.close()
  await site?.close()
})

async function openView(view: string, person = shop.owner) {
  const screen = await openScreen(browser, site.base, person, `/console${shop.path}/${view}`)
  await waitForState(screen.page, 'live')
  return screen
}

const card = (page: Page, status: string, number: string) => page.locator(`.column.${status} [data-order="${number}"]`)
const statusOf = async (id: string) => (await shop.owner.api.get(`${shop.path}/orders/${id}`)).data.status

/** A tap within 300 ms of another counts as part of a double one. */
const doubleTapIsOver = async (page: Page) => {
  const since = await page.evaluate(() => performance.now())
  await page.waitForFunction((start) => performance.now() - start > 400, since)
}

test('somebody new registers, creates a store, and sells the first thing', async () => {
  const { page, context, problems } = await openScreen(browser, site.base, null, '/console')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  expect(await page.getByText('Your session has ended').count()).toBe(0)
  await page.getByLabel('E-mail').fill(shop.owner.email)
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page
    .getByRole('alert')
    .filter({ hasText: /wrong|not/i })
    .waitFor()
  expect(await page.getByText('Your session has ended').count()).toBe(0)
  await page.getByRole('button', { name: 'Create an account' }).click()
  await page.getByLabel('First name').fill('Nina')
  await page.getByLabel('E-mail').fill('nina@shop.test')
  await page.getByLabel('Password').fill('a long enough password')
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByRole('heading', { name: 'Create your first store' }).waitFor()
  await page.getByLabel('Name', { exact: true }).fill('Harbour Kiosk')
  await page.getByLabel('Tax rate (%)').fill('10')
  await page.getByRole('button', { name: 'Create store' }).click()

  await page.getByRole('button', { name: 'Product', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill('Fish roll')
  await dialog.getByLabel('Price (EUR)').fill('6,5')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByText('€6.50').waitFor()
  await page.getByRole('link', { name: 'Till', exact: true }).click()
  await page.getByRole('button', { name: /^Fish roll/ }).click()
  expect(await page.getByTestId('cart-total').textContent()).toBe('€7.15')
  await page.getByRole('button', { name: 'Send order' }).click()
  await page.getByText('Order 1001 is in').waitFor()
  expect(problems).toEqual([])
  await context.close()
})

test('a card is dragged to its next status, and to no status that it may not have', async () => {
  const order = await takeOrder(shop, { items: [['Lemonade', 1]] })
  const { page, context } = await openView('board')
  await card(page, 'pending', order.orderNumber).dragTo(page.locator('.column.ready'))
  expect(await statusOf(order.id)).toBe('pending')
  await card(page, 'pending', order.orderNumber).dragTo(page.locator('.column.preparing'))
  await card(page, 'preparing', order.orderNumber).waitFor()
  await page.getByText('Not sent yet').waitFor({ state: 'detached' })
  expect(await statusOf(order.id)).toBe('preparing')
  await context.close()
})

test('the whole way of an order by keyboard alone', async () => {
  const order = await takeOrder(shop, { items: [['Espresso', 1]] })
  const { page, context } = await openView('board')
  const opener = card(page, 'pending', order.orderNumber).locator('.card-open')
  await opener.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByRole('button', { name: 'Reject' }).focus()
  await page.keyboard.press('Enter')
  await page.getByLabel('Reason (optional)').fill('Out of beans')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByText('Out of beans').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await statusOf(order.id)).toBe('rejected')
  await context.close()
})

test('in the kitchen a tap starts, another makes ready, a double tap does only one of them, and a recall takes it back', async () => {
  const order = await takeOrder(shop, { items: [['Miso ramen', 1]] })
  const { page, context } = await openView('kitchen')
  const ticket = page.locator(`.tickets [data-order="${order.orderNumber}"]`)
  await ticket.getByRole('button').dblclick()
  await ticket.getByText('Tap when ready').waitFor()
  await ticket.getByText('Not sent yet').waitFor({ state: 'detached' })
  expect(await statusOf(order.id)).toBe('preparing')
  await doubleTapIsOver(page)
  await ticket.getByRole('button').click()
  const recall = page.getByRole('button', { name: `Recall order ${order.orderNumber}` })
  await recall.waitFor()
  await doubleTapIsOver(page)
  await recall.click()
  await ticket.getByText('Tap when ready').waitFor()
  await recall.waitFor({ state: 'detached' })
  await context.close()
})

test('one tap sells a product out, on every screen', async () => {
  const [catalogue, till] = await Promise.all([openView('catalogue'), openView('till', shop.staff)])
  await catalogue.page.getByRole('switch', { name: 'Marinara is on sale' }).click()
  await till.page.getByRole('button', { name: /^Marinara.*Sold out/ }).waitFor()
  expect(await till.page.getByRole('button', { name: /^Marinara/ }).isDisabled()).toBe(true)
  await Promise.all([catalogue.context.close(), till.context.close()])
})

test('an order that cannot be is refused at the till, with the cart as it was', async () => {
  const { page, context } = await openView('till')
  await page.getByRole('button', { name: /^Bibimbap/ }).click()
  for (let more = 0; more < 5; more++) await page.getByRole('button', { name: 'One Bibimbap more' }).click()
  await page.getByRole('button', { name: 'Send order' }).click()
  await page
    .getByRole('alert')
    .filter({ hasText: /stock|left/i })
    .waitFor()
  expect(await page.getByRole('group', { name: 'Quantity of Bibimbap' }).textContent()).toContain('6')
  expect(await page.getByRole('link', { name: /refused/ }).count()).toBe(0)
  await context.close()
})

test('a new order rings and is marked where nothing is covered, once one click has allowed the sound', async () => {
  const { page, context } = await openView('customers')
  const sound = page.getByRole('button', { name: 'Sound of new orders' })
  await sound.click()
  await page.locator('[data-sound][aria-pressed="true"]').waitFor()
  await page.evaluate(() => {
    const start = OscillatorNode.prototype.start
    OscillatorNode.prototype.start = function (when) {
      document.body.dataset.rang = 'yes'
      start.call(this, when)
    }
  })
  await takeOrder(shop, { items: [['Espresso', 1]] })
  await page.getByRole('button', { name: '1 new order' }).waitFor()
  await page.locator('body[data-rang]').waitFor()
  expect(await page.title()).toMatch(/^\(\d+\) Corner Kitchen$/)
  await page.getByRole('button', { name: 'Customer', exact: true }).click()
  await page.getByRole('dialog').waitFor()
  await context.close()
})

test("a device signs in by its manager's link, which leaves nothing in the address, and is gone when it is removed", async () => {
  const { data } = await shop.owner.api.post(`${shop.path}/devices`, { name: 'Wall', role: 'kitchen' })
  const { page, context } = await openScreen(browser, site.base, null, `/console#device=${data.token}`)
  await waitForState(page, 'live')
  expect(page.url()).toBe(`${site.base}/console${shop.path}/kitchen`)
  await shop.owner.api.delete(`${shop.path}/devices/${data.device.userId}`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  expect(await page.evaluate(() => localStorage.getItem('zipzap.device-token'))).toBeNull()
  await context.close()
})

test('whoever is signed out elsewhere, or taken out of the store, sees nothing more of it', async () => {
  const { page, context } = await openView('board', shop.staff)
  await shop.owner.api.delete(`${shop.path}/members/${shop.staff.id}`)
  await page.getByText('This store is not open to you.').waitFor()
  expect(await page.locator('[data-order]').count()).toBe(0)
  await page.getByRole('link', { name: 'Your stores' }).click()
  await page.getByRole('heading', { name: 'Create your first store' }).waitFor()
  await context.close()

  const owner = await openView('board')
  const sessions = await owner.page.request.get(`${site.base}/api/v1/users/sessions`)
  const { data } = await sessions.json()
  const own = data.find((session: { current: boolean }) => session.current)
  await shop.owner.api.delete(`/users/sessions/${own.id}`)
  await owner.page.getByText('Your session has ended').waitFor()
  await owner.context.close()
})
