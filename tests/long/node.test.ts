import { afterAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { cuttable } from '../support/cuttable'
import { testServer } from '../support/server'
import { createProduct, createWorld } from '../support/world'

const directory = await mkdtemp(join(tmpdir(), 'zipzap-node-'))
afterAll(() => rm(directory, { recursive: true }))

/** The first Node that has a WebSocket of its own, from npm where this machine has an older one or none. */
function node22(): string[] {
  const own = Bun.which('node')
  const major = own ? Number(/^v(\d+)/.exec(Bun.spawnSync([own, '--version']).stdout.toString())?.[1]) : 0
  return own && major >= 22 ? [own] : ['npx', '-y', '-p', 'node@22', 'node']
}

/** Lines that a process prints, as they come. */
function linesOf(stream: ReadableStream<Uint8Array>) {
  const lines: string[] = []
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  return {
    lines,
    async until(isThere: (lines: string[]) => boolean): Promise<void> {
      while (!isThere(lines)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`the process ended after: ${lines.join(' | ')}`)
        const parts = (rest + decoder.decode(value, { stream: true })).split('\n')
        rest = parts.pop() ?? ''
        lines.push(...parts)
      }
    },
  }
}

test('in Node, without a page, the client follows a store through a cut, and tells each event once', async () => {
  const server = await testServer()
  const world = await createWorld()
  const way = await cuttable(server)
  const built = await Bun.build({ entrypoints: [resolve(import.meta.dir, '../support/node-page.ts')], target: 'node' })
  const bundle = join(directory, 'client.mjs')
  await Bun.write(bundle, (await built.outputs[0]?.text()) ?? '')

  const child = Bun.spawn([...node22(), bundle, server.base, way.ws, world.manager.token, world.storeId], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  try {
    const { lines, until } = linesOf(child.stdout)
    await until(() => lines.includes('live'))
    expect(lines.slice(0, 5)).toEqual([
      expect.stringMatching(/^node v2[2-9]\.\S+, undefined$/),
      'connecting',
      'authenticating',
      'catching_up',
      'live',
    ])
    const told = () => lines.filter((line) => line.startsWith('product_updated'))
    await createProduct(world)
    await until(() => told().length === 1)
    way.refuse()
    await until(() => lines.includes('offline'))
    await createProduct(world)
    way.restore()
    await createProduct(world)
    await until(() => told().length === 3)
    const first = Number(told()[0]?.split(' ')[1])
    expect(told()).toEqual([0, 1, 2].map((index) => `product_updated ${first + index}`))
    child.stdin.end()
    expect(await child.exited).toBe(0)
  } finally {
    child.stdin.end()
    child.kill()
    await way.stop()
  }
}, 120_000)
