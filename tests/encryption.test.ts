import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { db } from '~/db/client'
import { rowsOf } from '~/db/session'
import { loadConfig } from '~/utils/config'
import { configureSealing } from '~/utils/sealing'
import { joinStore, type MemberSocket, seqsOf } from './support/member-socket'
import { keysToldIn, openFrame } from './support/sealed'
import type { Frame } from './support/socket'
import { createDevice, createOrder, createProduct, createWorld, registerUser, type TestUser, type World } from './support/world'

/**
 * Sealed events through the real door: what sockets, REST and the database hold. The keys are given to the shared server
 * as its start gives them; tests/long/encryption-restart.test.ts has them from the environment.
 */

const configure = (...keys: string[]) => configureSealing(loadConfig({ WS_ENCRYPTION_KEY: keys.join(',') }))
const newKey = () => randomBytes(32).toString('base64')
const key = newKey()

beforeEach(() => configure(key))
afterAll(() => configureSealing(loadConfig({})))

const person = {
  firstName: 'Ottoline',
  lastName: 'Vanderquist',
  phone: '+31 6 5550147',
  email: 'ottoline@vanderquist.test',
  note: 'prefers the terrace',
}
const personal = Object.values(person)

let someone: TestUser
beforeAll(async () => {
  someone = await registerUser('Sealed')
})

const createCustomer = async (world: World) => (await world.staff.api.post(`${world.path}/customers`, person)).data
const isSealedCustomer = (frame: Frame) => frame.type?.startsWith('customer_') && frame.enc
const open = (socket: MemberSocket, frame: Frame) => openFrame(frame, keysToldIn(socket.frames))

/** Every row of the log that belongs to the store, as text. */
const logOf = async (world: World) =>
  JSON.stringify(await rowsOf(db, sql`select * from events where stream = ${world.stream} or store_id = ${world.storeId} order by seq`))

describe('a customer on the wire', () => {
  test('is sealed, and opens with a key that came with the authentication', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.staff)
    const customer = await createCustomer(world)
    const frame = await socket.next('customer_created')
    expect(Object.keys(frame.data)).toEqual(['sealed'])
    for (const value of personal) expect(JSON.stringify(frame)).not.toContain(value)
    const data = { action: 'created', customerId: customer.id, customerName: 'Ottoline Vanderquist', customer }
    expect(await openFrame(frame, socket.answer.keys)).toEqual(data)
    for (const field of ['id', 'type', 'stream']) {
      const keys = socket.answer.keys.map((known: object) => ({ ...known, stream: `${frame.stream}x` }))
      const changed = { ...frame, [field]: `${frame[field]}x` }
      await expect(openFrame(changed, field === 'stream' ? keys : socket.answer.keys)).rejects.toThrow()
    }
  })

  test('opens with the keys of `subscribed` too, for a store of whatever number', async () => {
    const [home, world] = [await createWorld(), await createWorld()]
    const socket = await joinStore(home, world.manager)
    socket.send({ type: 'subscribe', data: { storeId: world.storeId } })
    const subscribed = await socket.next('subscribed')
    await createCustomer(world)
    expect(await openFrame(await socket.next('customer_created'), subscribed.data.keys)).toMatchObject({ customer: person })
    expect(subscribed.data.keys.every((known: { stream: string }) => known.stream === world.stream)).toBe(true)
  })

  test('brings no plain text along when an order creates it', async () => {
    const world = await createWorld()
    const socket = await joinStore(world, world.owner)
    const product = await createProduct(world)
    await createOrder(world, product.id, { customer: { firstName: 'Ottoline', lastName: 'Vanderquist', phone: person.phone } })
    const frame = await socket.next('customer_created')
    expect(await open(socket, frame)).toMatchObject({ customer: { phone: person.phone } })
    // An order carries the display name, and that alone.
    const order = await socket.next('order_created')
    expect(order.enc).toBeUndefined()
    expect(JSON.stringify(order)).not.toContain(person.phone)
  })

  test('is not sealed for kitchen and kiosk, who get neither the event nor any key of the store', async () => {
    const world = await createWorld()
    const kiosk = await createDevice(world)
    const sockets = [await joinStore(world, world.kitchen), await joinStore(world, kiosk)]
    await createCustomer(world)
    const names = [world.kitchen.id, kiosk.id]
    for (const [index, socket] of sockets.entries()) {
      await socket.settled()
      const told = keysToldIn(socket.frames)
      expect(told.map((known) => known.stream)).toEqual([`user:${names[index]}`])
      expect(socket.frames.filter((frame) => frame.enc || frame.type.startsWith('customer_'))).toEqual([])
    }
  })
})

describe('a profile on the wire', () => {
  test("is sealed with a key of the user's own stream", async () => {
    const world = { storeId: (await someone.api.post('/stores', { name: 'Own' })).data.id }
    const socket = await joinStore(world, someone)
    await someone.api.patch('/users/profile', { phone: '+44 7700 900123' })
    const frame = await socket.next('profile_updated')
    expect([frame.stream, JSON.stringify(frame).includes('900123')]).toEqual([`user:${someone.id}`, false])
    expect(await open(socket, frame)).toMatchObject({ profile: { phone: '+44 7700 900123' }, updatedFields: { phone: true } })
    const ofStore = socket.answer.keys.filter((known: Frame) => known.stream === `store:${world.storeId}`)
    await expect(openFrame(frame, ofStore)).rejects.toThrow('no key')
  })
})

describe('the database', () => {
  test('holds no plain data of a sealed event in its log; a kept answer does, until it expires', async () => {
    const world = await createWorld()
    const headers = { 'Idempotency-Key': 'sealed-1' }
    const customer = (await world.staff.api.post(`${world.path}/customers`, person, { headers })).data
    await world.staff.api.patch(`${world.path}/customers/${customer.id}`, { note: 'now the window' })
    const log = await logOf(world)
    for (const value of [...personal, 'now the window']) expect(log).not.toContain(value)
    const kept = await rowsOf<{ answer: object }>(db, sql`select answer from idempotency_keys where path like ${`%${world.path}/customers`}`)
    expect(kept).toMatchObject([{ answer: person }])
  })

  test('has other types of event in plain, and old events as they were logged', async () => {
    const world = await createWorld()
    configureSealing(loadConfig({}))
    await createCustomer(world)
    configure(key)
    await createProduct(world, { name: 'Plainly visible' })
    const socket = await joinStore(world, world.owner, { resume: { [world.stream]: await position(world, 3) } })
    expect((await socket.next('customer_created')).data.customer).toMatchObject(person)
    expect((await socket.next('product_updated')).enc).toBeUndefined()
  })
})

/** A position in the current epoch of the store. */
async function position(world: World, seq: number): Promise<{ epoch: string; seq: number }> {
  const [row] = await rowsOf<{ epoch: string }>(db, sql`select epoch from streams where stream = ${world.stream}`)
  return { epoch: row?.epoch ?? '', seq }
}

describe('a new key', () => {
  test('follows the removal of a member: it arrives before the first event sealed with it, and not at the one who left', async () => {
    const world = await createWorld()
    const [owner, staff] = [await joinStore(world, world.owner), await joinStore(world, world.staff)]
    await createCustomer(world)
    const old = await owner.next('customer_created')
    await staff.next('customer_created')
    await world.owner.api.delete(`${world.path}/members/${world.staff.id}`)
    await world.owner.api.post(`${world.path}/customers`, person)
    const fresh = await owner.next('customer_created')
    expect(fresh.enc.kid).not.toBe(old.enc.kid)
    const before = owner.frames.slice(0, owner.frames.indexOf(fresh))
    const rotation = before.find((frame) => frame.type === 'sync' && frame.data.keys?.some((known: Frame) => known.kid === fresh.enc.kid))
    expect(rotation).toBeDefined()
    expect(await open(owner, fresh)).toMatchObject({ action: 'created' })
    expect(await open(owner, old)).toMatchObject({ action: 'created' })

    await staff.next('unsubscribed')
    await staff.settled()
    const told = keysToldIn(staff.frames)
    expect(told.some((known) => known.kid === fresh.enc.kid && known.stream === world.stream)).toBe(false)
    await expect(openFrame(fresh, told)).rejects.toThrow()
    expect(staff.events(world.stream).some((frame) => frame.seq > fresh.seq - 1)).toBe(false)
  })

  test('follows a change to kitchen, and whoever comes back from it gets the keys again', async () => {
    const world = await createWorld()
    const [owner, staff] = [await joinStore(world, world.owner), await joinStore(world, world.staff)]
    const changeTo = (role: string) => world.owner.api.patch(`${world.path}/members/${world.staff.id}`, { role })
    await changeTo('kitchen')
    await createCustomer({ ...world, staff: world.owner })
    const hidden = await owner.next('customer_created')
    await staff.settled()
    await expect(open(staff, hidden)).rejects.toThrow('no key')
    await changeTo('staff')
    await createCustomer(world)
    const seen = await staff.next('customer_created')
    expect(seen.enc.kid).toBe(hidden.enc.kid)
    expect(await open(staff, seen)).toMatchObject({ customer: person })
  })

  test('does not stand in the way of a resume: events from before and after it all open', async () => {
    const world = await createWorld()
    const first = await joinStore(world, world.manager)
    const { seq, epoch } = first.answer.streams[world.stream]
    first.close()
    await createCustomer(world)
    await world.owner.api.delete(`${world.path}/members/${world.kitchen.id}`)
    await createCustomer(world)
    await world.owner.api.delete(`${world.path}/members/${world.staff.id}`)
    await createCustomer({ ...world, staff: world.owner })
    const socket = await joinStore(world, world.manager, { resume: { [world.stream]: { epoch, seq } } })
    expect(seqsOf(socket, world.stream)).toEqual([1, 2, 3, 4, 5].map((step) => seq + step))
    const sealed = socket.frames.filter(isSealedCustomer)
    expect(new Set(sealed.map((frame) => frame.enc.kid)).size).toBe(3)
    for (const frame of sealed) expect(await openFrame(frame, socket.answer.keys)).toMatchObject({ customer: person })
  })

  test('put before the old one seals from then on; both are told, and the log of either opens', async () => {
    const world = await createWorld()
    await createCustomer(world)
    configure(newKey(), key)
    await createCustomer(world)
    const socket = await joinStore(world, world.owner, { resume: { [world.stream]: await position(world, 3) } })
    const sealed = socket.frames.filter(isSealedCustomer)
    expect(new Set(sealed.map((frame) => frame.enc.kid)).size).toBe(2)
    for (const frame of sealed) expect(await openFrame(frame, socket.answer.keys)).toMatchObject({ customer: person })
    const { data } = await world.owner.api.get(`${world.path}/events?types=customer_created`)
    expect(data.map((event: Frame) => event.data.customer.firstName)).toEqual(['Ottoline', 'Ottoline'])
  })
})

describe('REST', () => {
  test('answers the log with sealed data opened, to those who may read it', async () => {
    const world = await createWorld()
    const customer = await createCustomer(world)
    const { data } = await world.staff.api.get(`${world.path}/events?types=customer_created`)
    expect(data).toHaveLength(1)
    expect(data[0].enc).toBeUndefined()
    expect(data[0].data).toEqual({ action: 'created', customerId: customer.id, customerName: 'Ottoline Vanderquist', customer })
    expect((await world.kitchen.api.get(`${world.path}/events?types=customer_created`)).data).toEqual([])
  })

  test('says that a log whose key is gone cannot be continued, and still takes a person out', async () => {
    const world = await createWorld()
    const customer = await createCustomer(world)
    configure(newKey())
    const answer = await world.owner.api.get(`${world.path}/events`)
    expect([answer.status, answer.code]).toEqual([410, 'position_expired'])
    expect((await world.owner.api.get(`${world.path}/events?after=4`)).status).toBe(200)
    expect((await world.staff.api.delete(`${world.path}/customers/${customer.id}`)).status).toBe(200)
    const { data } = await world.owner.api.get(`${world.path}/events?types=customer_updated`)
    expect(data.map((event: Frame) => event.data.customer.firstName)).toEqual(['Deleted customer'])
  })
})

test('an anonymised customer is gone from what was sealed, and from orders that were told', async () => {
  const world = await createWorld()
  const customer = await createCustomer(world)
  await createOrder(world, (await createProduct(world)).id, { customerId: customer.id })
  const before = await logOf(world)
  configure(newKey(), key)
  await world.staff.api.delete(`${world.path}/customers/${customer.id}`)
  const socket = await joinStore(world, world.owner, { resume: { [world.stream]: await position(world, 3) } })
  const told = socket.frames.filter(isSealedCustomer)
  expect(told.map((frame) => frame.type)).toEqual(['customer_created', 'customer_updated'])
  for (const frame of told) {
    const data = await open(socket, frame)
    expect(data.customer).toMatchObject({ id: customer.id, firstName: 'Deleted customer', lastName: null, phone: null, email: null, note: null })
    for (const value of personal) expect(JSON.stringify(data)).not.toContain(value)
  }
  expect(before).not.toBe(await logOf(world))
  for (const value of personal) expect(JSON.stringify(socket.frames)).not.toContain(value)
})
