import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { resolve } from 'node:path'
import type { Browser } from 'playwright-core'
import { launchBrowser, openScreen, pictureOf, timeoutMs, waitForState } from './support'

setDefaultTimeout(timeoutMs)

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
})

/** The demo as a newcomer starts it, on a free port. */
const startDemo = () =>
  Bun.spawn([process.execPath, '--no-env-file', 'run', 'demo/demo.ts', '--port', '0', '--rate', '2', '--duration', '600', '--speed', '20'], {
    cwd: resolve(import.meta.dir, '../..'),
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })

/** The link of a device, as the demo prints it; what it prints afterwards is read too, so that it never waits. */
function linkOf(stdout: ReadableStream<Uint8Array>, device: string): Promise<URL> {
  const { promise, resolve: found, reject } = Promise.withResolvers<URL>()
  async function read() {
    const decoder = new TextDecoder()
    let output = ''
    for await (const chunk of stdout) {
      output += decoder.decode(chunk, { stream: true })
      const link = new RegExp(`${device} +(http\\S+)\n`).exec(output)?.[1]
      if (link) found(new URL(link))
    }
    reject(new Error(`the demo ended after: ${output}`))
  }
  void read()
  return promise
}

test('a link that the demo prints opens the board, with orders moving', async () => {
  const demo = startDemo()
  try {
    const link = await linkOf(demo.stdout, 'Till at the door')
    const { page, context, problems } = await openScreen(browser, link.origin, null, link.pathname + link.hash)
    await waitForState(page, 'live')
    expect(new URL(page.url()).pathname).toMatch(/\/board$/)
    for (const status of ['pending', 'preparing', 'completed'])
      await page.locator(`.column.${status} [data-order]`).first().waitFor({ timeout: timeoutMs })
    await pictureOf(page, 'board-demo')
    expect(problems).toEqual([])
    await context.close()
  } finally {
    demo.kill('SIGINT')
    await demo.exited
  }
})
