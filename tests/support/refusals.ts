import { expect } from 'bun:test'
import { anonymous } from './api'
import type { TestUser, World } from './world'

type Route = [method: string, path: string, body?: unknown]

/** The statuses that somebody gets on each of these routes, as `METHOD path status`. */
async function statuses(request: TestUser['api']['request'], routes: Route[]): Promise<string[]> {
  const answers = routes.map(async ([method, path, body]) => `${method} ${path} ${(await request(method, path, { body })).status}`)
  return Promise.all(answers)
}

const expected = (routes: Route[], status: number) => routes.map(([method, path]) => `${method} ${path} ${status}`)

/** Without a session 401; to somebody outside the store it looks missing. Paths begin below the store. */
export async function expectMembersOnly(world: World, routes: Route[]): Promise<void> {
  const inStore = routes.map(([method, path, body]): Route => [method, world.path + path, body])
  const nobody = await anonymous()
  expect(await statuses(nobody.request.bind(nobody), inStore)).toEqual(expected(inStore, 401))
  const { api } = world.stranger
  expect(await statuses(api.request.bind(api), inStore)).toEqual(expected(inStore, 404))
  const malformed = routes.map(([method, path, body]): Route => [method, `/stores/nonsense${path}`, body])
  const owner = world.owner.api
  expect(await statuses(owner.request.bind(owner), malformed)).toEqual(expected(malformed, 404))
}

/** A member without the right gets 403, whatever else is wrong with the request. */
export async function expectForbidden(world: World, users: TestUser[], routes: Route[]): Promise<void> {
  const inStore = routes.map(([method, path, body]): Route => [method, world.path + path, body])
  for (const { api } of users) expect(await statuses(api.request.bind(api), inStore)).toEqual(expected(inStore, 403))
}

export const detailPaths = (answer: { body: { error: { details?: { path: string }[] } } }) =>
  (answer.body.error.details ?? []).map((detail) => detail.path).sort()
