import { expect, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import packageJson from '~/package.json'

const root = resolve(import.meta.dir, '..')
const read = (path: string) => Bun.file(join(root, path)).text()

/** The paths that `COPY` takes from this directory. */
async function copiedPaths(): Promise<string[]> {
  const lines = (await read('Dockerfile')).split('\n').filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
  return [...new Set(lines.flatMap((line) => line.split(' ').slice(1, -1)))]
}

test('the image holds every folder that the server imports, and the build sees all that is copied', async () => {
  const copied = await copiedPaths()
  expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([])
  const visible = (await read('.dockerignore')).split('\n').flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))
  expect(copied.filter((path) => !visible.includes(path))).toEqual([])
  const built = await Bun.build({ entrypoints: [join(root, 'server.ts')], target: 'bun', packages: 'external', metafile: true })
  const folders = Object.keys(built.metafile?.inputs ?? {}).map((path) => path.split('/')[0] ?? '')
  expect([...new Set(folders)].filter((folder) => !copied.includes(folder))).toEqual([])
})

test('the image, the checks and package.json name the same Bun', async () => {
  const version = packageJson.devDependencies['@types/bun']
  expect(await read('Dockerfile')).toContain(`oven/bun:${version}-slim`)
  expect(await read('.ci/run')).toContain(`bun_version=${version}`)
})

test('the files for Compose and Kubernetes are YAML, and ask for paths that exist', async () => {
  const manifests = readdirSync(join(root, 'deploy/kubernetes')).map((name) => join('deploy/kubernetes', name))
  for (const path of ['deploy/compose.yaml', ...manifests]) expect(Bun.YAML.parse(await read(path))).toBeObject()
  const deployment = await read('deploy/kubernetes/deployment.yaml')
  expect([...deployment.matchAll(/path: (\S+)/g)].map((match) => match[1]?.replace(',', ''))).toEqual([
    '/health/ready',
    '/health/live',
    '/health/live',
  ])
})
