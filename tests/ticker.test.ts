import { expect, test } from 'bun:test'
import { every, everySecond, tickMs } from '~/utils/ticker'

test('all jobs of a second run in one turn of the event loop, whatever one of them throws, until they are stopped', async () => {
  const ran: string[] = []
  let turn = 0
  const turnOf: number[] = []
  const job = (name: string) => () => {
    ran.push(name)
    turnOf.push(turn)
  }
  const turns = setInterval(() => turn++, 1)
  const stops = [
    everySecond(job('first')),
    everySecond(() => {
      throw new Error('on purpose')
    }),
    every(tickMs, job('second')),
  ]
  await Bun.sleep(tickMs / 2)
  stops.push(everySecond(job('late')))
  await new Promise<void>((resolve) => stops.push(everySecond(() => resolve())))
  expect(ran).toEqual(['first', 'second', 'late'])
  expect(new Set(turnOf).size).toBe(1)
  stops[0]?.()
  await new Promise<void>((resolve) => stops.push(everySecond(() => resolve())))
  expect(ran).toEqual(['first', 'second', 'late', 'second', 'late'])
  for (const stop of stops) stop()
  clearInterval(turns)
})
