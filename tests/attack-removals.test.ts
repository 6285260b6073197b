import { expect, test } from 'bun:test'
import { join, resolve } from 'node:path'
import { allRemovals } from './attack/removals/all'
import { byThePlatform } from './attack/removals/streams'

/** The list of defences and the attack suite belong together; what a removal does is shown by `bun run attack:removals`. */

const root = resolve(import.meta.dir, '..')

async function titles(): Promise<string[]> {
  const files = [...new Bun.Glob('tests/attack/*.test.ts').scanSync({ cwd: root })]
  const texts = await Promise.all(files.map((file) => Bun.file(join(root, file)).text()))
  return texts.flatMap((text) => [...text.matchAll(/^test\(\s*(['"`])(.+?)\1,/gm)].map((match) => match[2] ?? ''))
}

test('each check of the attack suite has a defence that can be taken out, or rests on the platform', async () => {
  const held = new Set([...allRemovals.flatMap((removal) => removal.red), ...byThePlatform])
  const checks = await titles()
  expect(checks.filter((title) => !held.has(title))).toEqual([])
  expect([...held].filter((title) => !checks.includes(title))).toEqual([])
  expect(new Set(checks).size).toBe(checks.length)
  expect(new Set(allRemovals.flatMap((removal) => removal.red)).size).toBeGreaterThanOrEqual(80)
})

test('each defence stands where the list says, once', async () => {
  const places = allRemovals.flatMap((removal) => [removal, ...(removal.also ?? [])])
  const missing = places.map(async ({ file, text }) => {
    const found = (await Bun.file(join(root, file)).text()).split(text).length - 1
    return found === 1 ? [] : [`${file}: ${found} times ${text}`]
  })
  expect((await Promise.all(missing)).flat()).toEqual([])
})
