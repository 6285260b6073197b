import { expect, test } from 'bun:test'
import { every, everySecond, tickMs } from '~/utils/ticker'
import { nextTick } from './support/tick'

test('all jobs of a second run in one turn of the event loop, whatever one of them throws, until they are stopped', async () => {
  const ran: string[] = []
  let turn = 0
  const turnOf: number[] = []
  const job = (name: string) => () => {
    ran.push(name)
    turnOf.push(turn)
  }
  const turns = setInterval(() => turn++, 1)
  await nextTick()
  const stops = [
    everySecond(job('first')),
    everySecond(() => {
      throw new Error('on purpose')
    }),
    every(tickMs, job('second')),
  ]
  await new Promise((resolve) => setTimeout(resolve, 5))
  stops.push(everySecond(job('late')))
  await nextTick()
  expect(ran).toEqual(['first', 'second', 'late'])
  expect(new Set(turnOf).size).toBe(1)
  stops[0]?.()
  await nextTick()
  expect(ran).toEqual(['first', 'second', 'late', 'second', 'late'])
  for (const stop of stops) stop()
  clearInterval(turns)
})
