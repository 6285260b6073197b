import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { ApiClient } from '../support/api'
import { noteFrame } from '../support/frames'
import { printFrom } from '../support/printed'
import { type ServerProcess, spawnServer } from '../support/process'
import { type Proxy as NetworkProxy, startProxy } from '../support/proxy'
import type { Person } from './shop'

/** A real browser before a real server: both are processes of their own, and the server can be ended and come back. */

/** A machine that starts servers and browsers beside other work takes its time. Each file sets it for itself. */
export const timeoutMs = 180_000

// A line for each frame would take time from the pages, which some of these tests measure.
printFrom('info')

/** As root, without a GPU, and with nothing asked of the outside. Playwright gives each browser an empty directory. */
const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: chromiumFlags })

export type Site = {
  /** Where browsers go: through a proxy, which can cut them off. */
  base: string
  network: Pick<NetworkProxy, 'refuse' | 'freeze' | 'restore'>
  /** Straight to the server. */
  api: ApiClient
  /** kill -9. */
  kill(): Promise<void>
  /** The same database, on the same port. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** A server on a database of its own, in a directory that lives as long as the site. */
export async function openSite(settings: Record<string, string> = {}): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'zipzap-browser-'))
  const environment = { NODE_ENV: 'test', ...settings }
  let server: ServerProcess | undefined = await spawnServer(directory, environment)
  const { base, api } = server
  const network = await startProxy(new URL(base))
  const kill = async () => {
    await server?.end('SIGKILL')
    server = undefined
  }
  return {
    base: new URL(network.url).origin,
    network,
    api,
    kill,
    restart: async () => {
      server = await spawnServer(directory, { ...environment, PORT: new URL(base).port })
    },
    close: async () => {
      await network.stop()
      await kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export type ScreenOptions = {
  width?: number
  height?: number
  /** A finger in place of a mouse. */
  isTouch?: boolean
  colorScheme?: 'light' | 'dark'
  /** Before the page is opened. */
  prepare?: (context: BrowserContext) => Promise<unknown>
}
export type Screen = { page: Page; context: BrowserContext; problems: string[] }

/** What a page may say when its server or its network is away. */
const expected = /Failed to load resource|WebSocket connection to/

/**
 * A browser of its own, signed in, at a view of the store. `problems` collects what should never be: uncaught errors, and
 * anything that the page's policy refused.
 */
export async function openScreen(browser: Browser, base: string, person: Person | null, path: string, options: ScreenOptions = {}): Promise<Screen> {
  const { width = 1280, height = 800, isTouch = false, colorScheme = 'light', prepare } = options
  const context = await browser.newContext({
    viewport: { width, height },
    hasTouch: isTouch,
    isMobile: isTouch,
    colorScheme,
    locale: 'en-GB',
    ...(person && { storageState: await cookiesOf(browser, base, person) }),
  })
  context.setDefaultTimeout(45_000)
  await context.addInitScript(recordStates)
  await prepare?.(context)
  const page = await context.newPage()
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => noteFrame('client', JSON.parse(String(payload))))
    socket.on('framereceived', ({ payload }) => noteFrame('server', JSON.parse(String(payload))))
  })
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !expected.test(message.text())) problems.push(message.text())
  })
  await page.goto(base + path)
  return { page, context, problems }
}

/** Pictures that are kept of a run. */
export const artifacts = join(import.meta.dir, 'artifacts')

export const pictureOf = (page: Page, name: string) => page.screenshot({ path: join(artifacts, `${name}.png`) })

/** What has to be pushed aside to be seen: only rows of choices, and of orders that are ready, may. */
export const tooWide = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('*')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.matches('html, :not(.choice, .tabs, .recall ul)'))
      .filter((element) => element === document.documentElement || /auto|scroll/.test(getComputedStyle(element).overflowX))
      .map((element) => `${element.tagName}.${element.className}: ${element.scrollWidth} in ${element.clientWidth}`),
  )

const jars = new Map<string, Promise<StorageState>>()
type StorageState = Awaited<ReturnType<BrowserContext['storageState']>>

/** The cookies of a person, who signs in once: a password is slow by design. */
function cookiesOf(browser: Browser, base: string, { email, password }: Person): Promise<StorageState> {
  const key = `${base} ${email}`
  const jar = jars.get(key) ?? signIn(browser, base, email, password)
  jars.set(key, jar)
  return jar
}

async function signIn(browser: Browser, base: string, email: string, password: string): Promise<StorageState> {
  const context = await browser.newContext()
  const login = await context.request.post(`${base}/api/v1/auth/login`, { data: { email, password } })
  if (!login.ok()) throw new Error(`sign-in: ${login.status()} ${await login.text()}`)
  const state = await context.storageState()
  await context.close()
  return state
}

/** One look at the page: what the indicator said, and which orders stood there. */
export type Look = { state: string; orders: Record<string, string> }

/** Runs in the page: notes every state in which the page was ever seen, beginning with each change. */
function recordStates(): void {
  const looks: Look[] = []
  Object.assign(globalThis, { looks })
  const look = () => {
    const state = document.querySelector<HTMLElement>('[data-state]')?.dataset.state
    if (!state) return
    const cards = document.querySelectorAll<HTMLElement>('[data-order]')
    const orders = Object.fromEntries([...cards].map((card) => [card.dataset.order ?? '', card.dataset.status ?? '']))
    looks.push({ state, orders })
  }
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-state', 'data-status'] })
}

/** Takes what was noted since the last call. */
export const takeLooks = (page: Page): Promise<Look[]> => page.evaluate(() => (globalThis as unknown as { looks: Look[] }).looks.splice(0))

export const waitForState = (page: Page, state: string) => page.locator(`[data-state="${state}"]`).first().waitFor({ timeout: 60_000 })

/** The open orders on the board as they stand there, each as often as it does. */
export const ordersOn = (page: Page): Promise<string[]> =>
  page
    .locator('.column:not(.completed) [data-order]')
    .evaluateAll((cards) => cards.map((card) => `${card.getAttribute('data-order')} ${card.getAttribute('data-status')}`).sort())

/** The first look at the page that said connected again; before it the page must have said that it is not. */
export async function firstLookBack(screen: Screen): Promise<Look> {
  const looks = await takeLooks(screen.page)
  const awayAt = looks.findIndex((look) => look.state !== 'live')
  const back = looks.slice(awayAt).find((look) => look.state === 'live')
  if (awayAt < 0 || !back) throw new Error(`the page never said so: ${looks.map((look) => look.state).join(', ')}`)
  return back
}
