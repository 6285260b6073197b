import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import { Presence } from '~/realtime/presence'
import { SharedState } from '~/realtime/shared-state'

/** How long after somebody's last socket went the others are told that he left. */

const storeId = Bun.randomUUIDv7()
let told: string[] = []
let presence: Presence

beforeEach(() => {
  jest.useFakeTimers()
  told = []
  const state: SharedState = new SharedState(
    () => {},
    (key) => presence.changed(key),
  )
  presence = new Presence(state, (_, type, { userId }) => told.push(`${type} ${userId}`))
})

afterEach(() => {
  presence.dispose()
  jest.useRealTimers()
})

const come = (users: string[]) => {
  for (const user of users) presence.join(storeId, user, user, 'staff')
}
const go = (users: string[]) => {
  for (const user of users) presence.leave(storeId, user)
}

test('one who goes alone has left after two seconds', () => {
  come(['ana', 'ben'])
  go(['ana'])
  jest.advanceTimersByTime(1_900)
  expect(told).not.toContain('user_left ana')
  jest.advanceTimersByTime(200)
  expect(told.at(-1)).toBe('user_left ana')
})

test('a crowd that was cut off has longer to come back, and is not told of', () => {
  const crowd = Array.from({ length: 100 }, (_, index) => `user-${index}`)
  come(crowd)
  go(crowd)
  jest.advanceTimersByTime(1_900)
  come(crowd.slice(0, 50))
  jest.advanceTimersByTime(2_500)
  come(crowd.slice(50, 99))
  jest.advanceTimersByTime(10_000)
  expect(told.filter((line) => line.startsWith('user_left'))).toEqual(['user_left user-99'])
})
