import { afterAll, expect, test } from 'bun:test'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { testServer } from './support/server'
import { registerUser } from './support/world'

const root = resolve(import.meta.dir, '..')
const directory = await mkdtemp(join(tmpdir(), 'zipzap-example-'))
afterAll(() => rm(directory, { recursive: true }))

async function readExample(): Promise<string> {
  const text = await Bun.file(`${root}/ui/README.md`).text()
  return /<!-- example -->\s+```tsx\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
}

/** An app of its own: the example, the line of `paths` that it needs, and the packages. */
async function buildApp(source: string): Promise<string> {
  await Bun.write(`${directory}/main.tsx`, source)
  const compilerOptions = { jsx: 'react-jsx', paths: { '~/*': [`${root}/*`, `${root}/ui/*`] } }
  await Bun.write(`${directory}/tsconfig.json`, JSON.stringify({ compilerOptions }))
  await symlink(`${root}/node_modules`, `${directory}/node_modules`)
  const built = await Bun.build({
    entrypoints: [`${directory}/main.tsx`],
    outdir: `${directory}/out`,
    target: 'browser',
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  return built.outputs[0]?.path ?? ''
}

/** Reads what the page prints until it contains the text. */
async function shows(reader: ReadableStreamDefaultReader<Uint8Array>, text: string): Promise<void> {
  const decoder = new TextDecoder()
  for (let seen = ''; !seen.includes(text); ) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`the page ended without "${text}": ${seen}`)
    seen += decoder.decode(value, { stream: true })
  }
}

test('the example of the README is the one that the compiler reads, under 30 lines', async () => {
  const source = await readExample()
  expect(source).toBe(await Bun.file(`${root}/ui/example.tsx`).text())
  expect(source.trim().split('\n').length).toBeLessThan(30)
})

test('the example of the README, built as an app of its own, shows live orders', async () => {
  const source = await readExample()
  const bundle = await buildApp(source)

  // The example leaves the store to the server, which takes the only one of the user.
  const { api, token } = await registerUser('Newcomer')
  const store = await api.post('/stores', { name: 'Newcomer’s' })
  const path = `/stores/${store.data.id}`
  const product = await api.post(`${path}/products`, { name: 'Soup', price: 500 })
  const order = { type: 'pickup', items: [{ productId: product.data.id, quantity: 1 }] }
  await api.post(`${path}/orders`, order)
  const { base } = await testServer()
  const page = Bun.spawn([process.execPath, `${import.meta.dir}/support/run-page.ts`, base, bundle, token], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  try {
    const reader = page.stdout.getReader()
    await shows(reader, '1001 is pending')
    await api.post(`${path}/orders`, order)
    await shows(reader, '1002 is pending1001 is pending')
  } finally {
    page.kill()
  }
}, 60_000)
