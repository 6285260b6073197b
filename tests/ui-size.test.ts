import { afterAll, expect, test } from 'bun:test'
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'

const root = resolve(import.meta.dir, '..')
const entry = `${root}/tests/.size-${process.pid}.ts`
afterAll(() => rm(entry, { force: true }))

const packages = ['react', 'react-dom', 'react/jsx-runtime', '@tanstack/react-query', 'sonner', 'idb']

/** Bytes of these modules in a browser bundle of their own, gzipped. */
async function gzippedBytes(modules: string[]): Promise<number> {
  await Bun.write(entry, modules.map((module) => `export * from '${module}'\n`).join(''))
  const built = await Bun.build({
    entrypoints: [entry],
    minify: true,
    target: 'browser',
    external: packages,
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  const [output] = built.outputs
  if (!output) throw new Error('nothing was built')
  return Bun.gzipSync(await output.arrayBuffer()).length
}

const client = ['~/ui/client/client']
const kit = [...client, '~/ui/hooks/use-websocket', '~/ui/providers/websocket-provider', '~/ui/components/websocket-status']

test('the client is at most 8 KB gzipped, React’s part at most 4 KB more, live lists and the outbox at most 4 KB more', async () => {
  const clientBytes = await gzippedBytes(client)
  const kitBytes = await gzippedBytes(kit)
  const allBytes = await gzippedBytes([...kit, '~/ui/hooks/use-live', '~/ui/client/outbox', '~/ui/client/outbox-storage'])
  console.log(`gzipped: client ${clientBytes}, React ${kitBytes - clientBytes} more, lists and outbox ${allBytes - kitBytes} more`)
  expect(clientBytes).toBeLessThanOrEqual(8 * 1024)
  expect(kitBytes - clientBytes).toBeLessThanOrEqual(4 * 1024)
  expect(allBytes - kitBytes).toBeLessThanOrEqual(4 * 1024)
})

test('the client brings no Zod, no React and no REST with it', async () => {
  const built = await Bun.build({ entrypoints: [`${root}/ui/client/client.ts`], target: 'browser', external: packages })
  const text = (await built.outputs[0]?.text()) ?? ''
  expect(text).not.toMatch(/from "|_zod|\/api\/v1/)
})
