import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import type { Browser, CDPSession, Page } from 'playwright-core'
import { emitOrder } from '~/controllers/order.controllers'
import { withEvents } from '~/db/events'
import { orders } from '~/db/schema'
import type { Member } from '~/utils/actor'
import { wsManager } from '~/utils/websocket'
import { testServer } from '../support/server'
import { createOrder, createProduct, createWorld, type World } from '../support/world'
import { launchBrowser, openScreen, timeoutMs, waitForState } from './support'

/** 2,000 events that one commit brings: what a board does with them, and whether anything of them stays behind. */

setDefaultTimeout(timeoutMs)

const [openOrders, rounds, bursts] = [100, 20, 10]
const events = openOrders * rounds

let browser: Browser
let base: string
let world: World

beforeAll(async () => {
  browser = await launchBrowser()
  base = (await testServer()).base
  world = await createWorld()
  const product = await createProduct(world, { name: 'Soup' })
  for (let taken = 0; taken < openOrders; taken++) await createOrder(world, product.id)
})

afterAll(async () => {
  await browser?.close()
})

const manager = (): Member => ({
  userId: world.manager.id,
  kind: 'person',
  sessionId: '',
  expiresAt: null,
  request: { requestId: 'burst', wsSessionId: null, ifMatch: null, idempotency: null },
  storeId: world.storeId,
  role: 'manager',
})

/** Changes every order `rounds` times in one transaction: the log has each step, the rows the last. */
async function burst(name: string): Promise<void> {
  const written = await withEvents(manager(), async (tx, emit) => {
    const rows = await tx.select().from(orders).where(eq(orders.storeId, world.storeId)).for('update')
    for (let round = 1; round <= rounds; round++) {
      for (const row of rows) emitOrder(emit, 'updated', { ...row, note: `${name}.${round}`, version: row.version + round })
    }
    await tx
      .update(orders)
      .set({ note: `${name}.${rounds}`, version: sql`${orders.version} + ${rounds}` })
      .where(eq(orders.storeId, world.storeId))
    return {}
  })
  expect(written.events.length).toBe(events)
  wsManager.sendOrderUpdate(world.storeId, written.events)
}

type Commits = { frame: number; commits: number[] }

/** Runs in the page: counts React's commits by the frame in which they were made. */
function countCommits(): void {
  const counted: Commits = { frame: 0, commits: [] }
  const onCommitFiberRoot = () => counted.commits.push(counted.frame)
  const hook = {
    supportsFiber: true,
    isDisabled: false,
    inject: () => 1,
    onCommitFiberRoot,
    onCommitFiberUnmount: () => {},
    onPostCommitFiberRoot: () => {},
  }
  Object.assign(globalThis, { __REACT_DEVTOOLS_GLOBAL_HOOK__: hook, counted })
  const count = () => {
    counted.frame += 1
    requestAnimationFrame(count)
  }
  requestAnimationFrame(count)
}

const countedIn = (page: Page): Promise<Commits> => page.evaluate(() => (globalThis as unknown as { counted: Commits }).counted)

/** Notes by order number, as the cards show them. */
const notesOn = (page: Page): Promise<string[]> =>
  page
    .locator('[data-order]')
    .evaluateAll((cards) => cards.map((card) => `${card.getAttribute('data-order')} ${card.querySelector('.card-note')?.textContent}`).sort())

async function notesByRest(): Promise<string[]> {
  const { data } = await world.manager.api.get(`${world.path}/orders?limit=100`)
  return data.map((order: { orderNumber: string; note: string }) => `${order.orderNumber} ${order.note}`).sort()
}

/** Resolves when every card shows the last change of the burst. */
const showsAll = (page: Page, note: string) =>
  page.waitForFunction(
    ([last, count]) => [...document.querySelectorAll('.card-note')].filter((each) => each.textContent === last).length === count,
    [note, openOrders] as const,
    { timeout: timeoutMs },
  )

async function usedBytes(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  return (await session.send('Runtime.getHeapUsage')).usedSize
}

test('a burst of 2,000 events is rendered at most once a frame, ends equal to REST, and ten of them leave no memory behind', async () => {
  const { page, context, problems } = await openScreen(browser, base, world.manager, `/console${world.path}/board`, {
    prepare: (opened) => opened.addInitScript(countCommits),
  })
  await waitForState(page, 'live')
  await page
    .locator('[data-order]')
    .nth(openOrders - 1)
    .waitFor()
  const session = await context.newCDPSession(page)
  const sizes: number[] = []
  for (let index = 1; index <= bursts; index++) {
    const before = await countedIn(page)
    await burst(`burst ${index}`)
    await showsAll(page, `burst ${index}.${rounds}`)
    const after = await countedIn(page)
    const commits = after.commits.slice(before.commits.length)
    console.log(`burst ${index}: ${commits.length} commits in ${after.frame - before.frame} frames`)
    expect(commits.length).toBeLessThanOrEqual(60)
    expect(new Set(commits).size).toBe(commits.length)
    expect(await notesOn(page)).toEqual(await notesByRest())
    sizes.push(await usedBytes(session))
  }
  console.log(`heap after each burst, KB: ${sizes.map((size) => Math.round(size / 1024)).join(' ')}`)
  const [, second = 0] = sizes
  expect(sizes.at(-1) ?? 0).toBeLessThan(second + 1024 * 1024)
  expect(problems).toEqual([])
  await context.close()
})
