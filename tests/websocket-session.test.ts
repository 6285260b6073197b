import { describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { openSession } from '~/controllers/session.controllers'
import { db } from '~/db/client'
import { sessions } from '~/db/schema'
import { inTransaction } from '~/db/transaction'
import { joinStore } from './support/member-socket'
import { TestSocket } from './support/socket'
import { createWorld, type World } from './support/world'

describe('X-Session-Id', () => {
  const write = async (world: World, sessionId: string) => {
    const { status } = await world.manager.api.patch(world.path, { prepMinutes: ++minutes }, { headers: { 'X-Session-Id': sessionId } })
    expect(status).toBe(200)
  }
  let minutes = 30

  test("names the writer's own socket in the event, so that it knows its echo", async () => {
    const world = await createWorld()
    const [writer, reader] = [await joinStore(world, world.manager), await joinStore(world, world.staff)]
    await write(world, writer.answer.sessionId)
    for (const socket of [writer, reader]) expect((await socket.next('store_updated')).sessionId).toBe(writer.answer.sessionId)
  })

  test('is passed over when it is that of another user, of nobody, of a socket that is anonymous, or of one that is gone', async () => {
    const world = await createWorld()
    const reader = await joinStore(world, world.staff)
    const gone = await joinStore(world, world.manager)
    gone.close()
    await gone.closeCode()
    const open = await TestSocket.open({ token: world.manager.token })
    const unnamed = (await open.next('general_notification')).data.sessionId
    for (const sessionId of [reader.answer.sessionId, Bun.randomUUIDv7(), 'nonsense', unnamed, gone.answer.sessionId]) {
      await write(world, sessionId)
      expect((await reader.next('store_updated')).sessionId).toBeUndefined()
    }
  })
})

describe('a session that ends by itself', () => {
  /** A session of the staff that the database ends so soon. */
  async function sessionFor(world: World, endsInMs: number) {
    const { sessionId, token } = await inTransaction((tx) => openSession(tx, world.staff.id, 'person', null))
    const expiresAt = sql`now() + make_interval(secs => ${endsInMs / 1000})`
    const [row] = await db.update(sessions).set({ expiresAt }).where(eq(sessions.id, sessionId)).returning()
    return { sessionId, token, expiresAt: row?.expiresAt?.toISOString() }
  }

  test('is announced, and then ends its sockets with 4401, but not one that has authenticated with another', async () => {
    const world = await createWorld()
    const { token, expiresAt } = await sessionFor(world, 2500)
    const [socket, renewed] = [await joinStore(world, { id: world.staff.id, token }), await joinStore(world, { id: world.staff.id, token })]
    expect(socket.answer.expiresAt).toBe(expiresAt)
    for (const each of [socket, renewed]) expect((await each.next('session_expiring')).data).toEqual({ expiresAt })
    const answer = await renewed.authenticate({ userId: world.staff.id, token: world.staff.token })
    expect(Date.parse(answer.expiresAt)).toBeGreaterThan(Date.now() + 60_000)

    expect(await socket.closeCode()).toBe(4401)
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt ?? ''))
    expect(socket.all('session_expiring')).toHaveLength(1)
    await renewed.settled()
    expect(renewed.closed).toBeUndefined()
  })
})
