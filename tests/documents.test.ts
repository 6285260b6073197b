import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import packageJson from '~/package.json'

/** What the texts say of the tree must be true. */

const root = resolve(import.meta.dir, '..')
const read = (name: string) => Bun.file(join(root, name)).text()
const topLevel = new Set(readdirSync(root))

/** Paths in backticks and in links: what begins with a name at the top of the tree, and what ends like a file. */
async function pathsOf(name: string): Promise<string[]> {
  const text = (await read(name)).replace(/^```[\s\S]*?^```/gm, '')
  const quoted = [...text.matchAll(/`([^`\s]+)`/g)].map((match) => match[1] ?? '').filter(isPath)
  const linked = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '').filter((target) => !target.includes('://'))
  return [...quoted, ...linked.map((target) => join(dirname(name), target))]
}

const isPath = (text: string) => {
  if (/[<>:*…(){}]/.test(text) || text.startsWith('/')) return false
  const first = text.split('/')[0] ?? ''
  return text.includes('/') ? topLevel.has(first) : /\.(ts|tsx|json|md|toml|example)$/.test(text)
}

const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/troubleshooting.md'].concat(
  readdirSync(join(root, 'docs/adr')).map((name) => `docs/adr/${name}`),
)

describe('the documents', () => {
  test.each(documents)('%s names only paths that exist', async (name) => {
    const missing = (await pathsOf(name)).filter((path) => !existsSync(join(root, path)))
    expect(missing).toEqual([])
  })

  test('ARCHITECTURE.md and CONTRIBUTING.md do name paths', async () => {
    expect((await pathsOf('ARCHITECTURE.md')).length).toBeGreaterThan(15)
    expect((await pathsOf('CONTRIBUTING.md')).length).toBeGreaterThan(3)
  })

  test('ARCHITECTURE.md gives a reason for every dependency', async () => {
    const text = await read('ARCHITECTURE.md')
    const typesOnly = (name: string) => name.startsWith('@types/')
    const names = [...Object.keys(packageJson.dependencies), ...Object.keys(packageJson.devDependencies)].filter((name) => !typesOnly(name))
    expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([])
  })

  test('every dependency is pinned exactly', () => {
    const versions = Object.values({ ...packageJson.dependencies, ...packageJson.devDependencies })
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
  })

  test('the scripts that the README and CONTRIBUTING.md call exist, with the version of Bun that CI installs', async () => {
    const text = `${await read('README.md')}${await read('CONTRIBUTING.md')}`
    const scripts = [...text.matchAll(/\bbun(?:@[\d.]+)? run ([a-z:]+)(?=[\s`]|$)/gm)].map((match) => match[1] ?? '')
    expect(scripts.length).toBeGreaterThan(3)
    expect(scripts.filter((script) => !(script in packageJson.scripts))).toEqual([])
    const versions = new Set([...text.matchAll(/bun@([\d.]+)/g)].map((match) => match[1]))
    expect([...versions]).toEqual([/^bun_version=(.+)$/m.exec(await read('.ci/run'))?.[1]])
  })
})
