import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** docs/security.md says which test holds each requirement: each that it names is there. */

const root = resolve(import.meta.dir, '..')
const text = await Bun.file(join(root, 'docs/security.md')).text()

test('each file that the page names exists', () => {
  const paths = [...text.matchAll(/`((?:tests|realtime|routes|controllers|db|utils|deploy)\/[\w./-]+)`/g)].map((match) => match[1] ?? '')
  expect(paths.length).toBeGreaterThan(100)
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test('each check that the page names is one of the attack suite', async () => {
  const files = [...new Bun.Glob('tests/attack/*.test.ts').scanSync({ cwd: root })]
  const suite = (await Promise.all(files.map((file) => Bun.file(join(root, file)).text()))).join('\n')
  const titles = [...text.matchAll(/“([^”]+)”/g)].map((match) => match[1] ?? '').filter((title) => title !== 'quotation marks')
  expect(titles.length).toBeGreaterThan(50)
  expect(titles.filter((title) => !suite.includes(`'${title}'`))).toEqual([])
})

test('all of the WebSocket chapter of ASVS is there', () => {
  for (const requirement of ['4.4.1', '4.4.2', '4.4.3', '4.4.4']) expect(text).toContain(`| ${requirement} `)
})
