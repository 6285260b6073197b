import { beforeAll, describe, expect, test } from 'bun:test'
import { createApp } from '~/routes'
import { loadConfig } from '~/utils/config'
import { ApiClient } from './support/api'
import { type Caller, callers, createScene, matrix, type Row, type Scene, tokenOf } from './support/role-matrix'
import { registerUser, type TestUser } from './support/world'

/** Every route, asked by everybody who can ask: what each gets is written down in tests/support/role-matrix.ts. */

let guest: TestUser
let shared: Scene
beforeAll(async () => {
  guest = await registerUser('Guest')
  shared = await createScene(guest)
})

test('every registered route has its row, and every row its route', () => {
  const app = createApp(loadConfig({ NODE_ENV: 'test' }))
  const registered = app.routes.filter((route) => route.method !== 'ALL').map((route) => `${route.method} ${route.path}`)
  expect([...new Set(matrix.map((row) => row.route))].sort()).toEqual([...new Set(registered)].sort())
})

const expectedOf = (row: Row) => {
  const statuses = row.expected.split(' ').map(Number)
  return new Map(callers.map((caller, index) => [caller, statuses[index] ?? 0]))
}

async function statusFor(row: Row, caller: Caller): Promise<number> {
  // What is refused changes nothing, and needs no store of its own.
  const isAllowed = (expectedOf(row).get(caller) ?? 0) < 300
  const scene = row.changesMembers && isAllowed ? await createScene(guest) : shared
  const { params = {}, body, token = tokenOf(scene, caller) } = (await row.ask?.(scene, caller)) ?? {}
  const [method = '', pattern = ''] = row.route.split(' ')
  const path = pattern.replace(/:(\w+)/g, (_, name: string) => params[name] ?? (name === 'storeId' ? scene.storeId : name))
  const { base } = scene.owner.api.server
  return (await new ApiClient({ base, api: base }, token).request(method, path, { body })).status
}

describe.each(matrix.map((row) => [`${row.route}${row.asking ? ` (${row.asking})` : ''}`, row] as const))('%s', (_, row) => {
  test(callers.map((caller) => `${caller} ${expectedOf(row).get(caller)}`).join(', '), async () => {
    const statuses = await Promise.all(callers.map(async (caller) => [caller, await statusFor(row, caller)] as const))
    expect(new Map(statuses)).toEqual(expectedOf(row))
  })
})
