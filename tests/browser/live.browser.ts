import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { moveOrder, openOrders, openShop, type Shop, takeOrder } from './shop'
import {
  firstLookBack,
  type Look,
  launchBrowser,
  openScreen,
  openSite,
  ordersOn,
  type Screen,
  type Site,
  takeLooks,
  timeoutMs,
  waitForState,
} from './support'

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

const openBoard = async (person = shop.owner): Promise<Screen> => {
  const screen = await openScreen(browser, site.base, person, `/console${shop.path}/board`)
  await waitForState(screen.page, 'live')
  return screen
}

const card = (screen: Screen, number: string) => screen.page.locator(`.cards [data-order="${number}"]`)

test('an order taken at the till of one browser stands on the board of another', async () => {
  const board = await openBoard()
  const till = await openScreen(browser, site.base, shop.staff, `/console${shop.path}/till`)
  await till.page.getByRole('button', { name: /^Margherita/ }).click()
  await till.page.getByRole('radio', { name: 'Large' }).check()
  await till.page.getByRole('checkbox', { name: 'Olives' }).check()
  await till.page.getByRole('button', { name: /^Add/ }).click()
  await till.page.getByRole('button', { name: /^Lemonade/ }).click()
  await till.page.getByRole('button', { name: /^Lemonade/ }).click()
  expect(await till.page.getByTestId('cart-total').textContent()).toBe('€20.80')
  await till.page.getByRole('button', { name: 'Send order' }).click()

  await card(board, '1001').waitFor()
  expect(await card(board, '1001').textContent()).toContain('Large, Olives')
  expect(await card(board, '1001').textContent()).toContain('€20.80')
  const mark = board.page.getByRole('button', { name: '1 new order' })
  await mark.waitFor()
  await mark.click()
  await mark.waitFor({ state: 'detached' })
  expect([...board.problems, ...till.problems]).toEqual([])
  await Promise.all([board.context.close(), till.context.close()])
})

test('a tap in one browser moves the order in the other', async () => {
  const order = await takeOrder(shop, { items: [['Espresso', 1]] })
  const [one, other] = await Promise.all([openBoard(), openBoard(shop.staff)])
  await card(one, order.orderNumber).getByRole('button', { name: 'Confirm' }).click()
  await other.page.locator(`.column.confirmed [data-order="${order.orderNumber}"]`).waitFor()
  await card(other, order.orderNumber).getByRole('button', { name: 'Start' }).click()
  await one.page.locator(`.column.preparing [data-order="${order.orderNumber}"]`).waitFor()
  await Promise.all([one.context.close(), other.context.close()])
})

const open = (look: Look): string[] =>
  Object.entries(look.orders)
    .map(([number, status]) => `${number} ${status}`)
    .filter((order) => !order.endsWith('completed'))
    .sort()

test('after kill -9 and a restart both boards equal REST, nothing stands there twice, and neither said connected while behind', async () => {
  const waiting = await takeOrder(shop, { items: [['Lemonade', 1]] })
  const boards = await Promise.all([openBoard(), openBoard(shop.staff)])
  await Promise.all(boards.map((board) => card(board, waiting.orderNumber).waitFor()))
  await Promise.all(boards.map((board) => takeLooks(board.page)))

  site.network.refuse()
  await site.kill()
  await Promise.all(boards.map((board) => waitForState(board.page, 'offline')))
  await site.restart()
  await moveOrder(shop, waiting.id, 'confirmed')
  await takeOrder(shop, { items: [['Miso ramen', 2]], customer: { firstName: 'Jonas' } })
  const done = await takeOrder(shop, { items: [['Espresso', 1]] })
  await moveOrder(shop, done.id, 'completed')
  const expected = await openOrders(shop)
  site.network.restore()

  for (const board of boards) {
    await waitForState(board.page, 'live')
    expect(open(await firstLookBack(board))).toEqual(expected)
    expect(await ordersOn(board.page)).toEqual(expected)
    await board.page.locator(`.column.completed [data-order="${done.orderNumber}"]`).waitFor()
    expect(board.problems).toEqual([])
    await board.context.close()
  }
})
