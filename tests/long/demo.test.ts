import { expect, test } from 'bun:test'
import { resolve } from 'node:path'

test('the demo plays its rush through the real API, shows each event with its delay, and ends on Ctrl-C', async () => {
  const root = resolve(import.meta.dir, '../..')
  const demo = Bun.spawn(
    [process.execPath, '--no-env-file', 'run', 'demo/demo.ts', '--port', '0', '--rate', '20', '--duration', '0.5', '--speed', '20'],
    {
      cwd: root,
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    },
  )
  let output = ''
  const decoder = new TextDecoder()
  for await (const chunk of demo.stdout) {
    output += decoder.decode(chunk, { stream: true })
    if (output.includes('The server stays up')) demo.kill('SIGINT')
  }
  expect(await demo.exited).toBe(0)
  expect(output).toMatch(/API +http:\/\/localhost:\d+\/api\/v1/)
  for (const role of ['owner', 'manager', 'staff', 'kitchen']) expect(output).toContain(`${role}@zipzap.example`)
  const numbers = [...output.matchAll(/\d+\.\d\d ms +#(\d+) {2}\w+/g)].map((match) => Number(match[1]))
  expect(numbers.length).toBeGreaterThan(4)
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index))
  expect(output).toMatch(/[1-9]\d* orders, \d+ completed/)
  expect(output).not.toContain('; refused:')
  // The guests of the demo have phone numbers that nobody needs to see.
  expect(output).not.toContain('+49 30')
}, 60_000)

test('the demo says what is wrong with its options', async () => {
  const demo = Bun.spawn([process.execPath, 'run', resolve(import.meta.dir, '../../demo/demo.ts'), '--rate', 'fast'], {
    stdout: 'pipe',
    stderr: 'pipe',
  })
  expect(await demo.exited).toBe(1)
  expect(await new Response(demo.stderr).text()).toContain('--rate must be above 0')
})
