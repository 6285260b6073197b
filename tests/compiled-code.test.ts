import { expect, test } from 'bun:test'
import { join } from 'node:path'

const program = join(import.meta.dir, 'support/compiled-code-child.ts')

async function begin(environment: Record<string, string>) {
  const child = Bun.spawn([process.execPath, '--no-env-file', 'run', program, '--and', 'more'], {
    env: { PATH: process.env.PATH ?? '', MARK: 'Größe', ...environment },
    stdout: 'pipe',
  })
  const told = JSON.parse(await new Response(child.stdout).text())
  expect(await child.exited).toBe(0)
  return { told, pid: child.pid }
}

test('a process keeps its compiled code, and is still the same: its number, flags, arguments and environment', async () => {
  const { told, pid } = await begin({})
  expect(told).toEqual({ pid, option: '1', mark: 'Größe', flags: ['--no-env-file'], rest: ['--and', 'more'] })
})

test('who has decided otherwise is heard', async () => {
  const { told } = await begin({ BUN_JSC_forceCodeBlockLiveness: '0' })
  expect(told.option).toBe('0')
})
