import { afterAll, expect, test } from 'bun:test'
import { preparedTexts } from '~/db/prepared'
import { type Database, runnerOf } from '~/db/session'
import { watchDatabase } from '~/db/watch'
import { nextTick } from './support/tick'

/** Takes every connection and says nothing, as a machine that has frozen. */
const mute = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
afterAll(() => mute.stop(true))

function watchMute() {
  const observers: Database[] = []
  const silence = Promise.withResolvers<void>()
  const watch = watchDatabase(`postgres://zipzap@127.0.0.1:${mute.port}/zipzap`, {
    isPrepared: preparedTexts(),
    use: (observer) => observers.push(observer),
    onSilent: silence.resolve,
  })
  return { observers, silent: silence.promise, stop: watch.stop }
}

test('a database that says nothing is noticed though nobody asks it anything', async () => {
  const { observers, silent, stop } = watchMute()
  await silent
  expect(observers).toHaveLength(2)
  await stop()
}, 15_000)

test('whoever asks a silent database is told, and the next one asks on another connection', async () => {
  const { observers, silent, stop } = watchMute()
  const [first] = observers
  if (!first) throw new Error('There is no observer')
  const asking = runnerOf(first).run('select 1', [])
  asking.catch(() => {})
  // Four turns without an answer, and not sooner.
  for (let turn = 0; turn < 3; turn++) await nextTick()
  expect(observers).toHaveLength(1)
  await silent
  expect(asking).rejects.toThrow()
  expect(observers[1]).not.toBe(first)
  await stop()
}, 15_000)
