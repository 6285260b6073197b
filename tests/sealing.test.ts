import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { loadConfig } from '~/utils/config'
import type { Enc, LoggedEvent, StreamName } from '~/utils/contracts/logged-event'
import { configureSealing, generationOf, isSealed, isSealing, keysOf, open, opened, rotatesKey, seal } from '~/utils/sealing'
import { type KnownKey, openFrame } from './support/sealed'

const newKey = () => randomBytes(32).toString('base64')
const configure = (keys: string[], types?: string) =>
  configureSealing(loadConfig({ WS_ENCRYPTION_KEY: keys.join(','), ...(types && { WS_ENCRYPTED_EVENTS: types }) }))

const [first, second] = [newKey(), newKey()]
const stream: StreamName = 'store:0192aaaa-0000-7000-8000-000000000001'
const bound = { stream, id: '0192bbbb-0000-7000-8000-000000000002', type: 'customer_created' as const }
const data = JSON.stringify({ customer: { firstName: 'Zoë', note: 'grüßt 👋' } })

beforeAll(() => configure([first]))
afterAll(() => configureSealing(loadConfig({})))

const frameOf = (sealed: { enc: Enc; json: string }) => ({ ...bound, enc: sealed.enc, data: JSON.parse(sealed.json) })
const sealedOf = (json: string) => Buffer.from(JSON.parse(json).sealed, 'base64url')
const jsonOf = (bytes: Buffer) => JSON.stringify({ sealed: bytes.toString('base64url') })
/** The bytes with one bit turned over. */
function flipped(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[index] = (copy[index] ?? 0) ^ 1
  return copy
}

describe('a sealed event', () => {
  test('is opened by the server, and by a client with Web Crypto and the key it was told', async () => {
    const sealed = seal(bound, 3, data)
    expect(sealed.enc).toEqual({ v: 1, alg: 'A256GCM', kid: sealed.enc.kid, iv: expect.stringMatching(/^[\w-]{16}$/) })
    expect(generationOf(sealed.enc.kid)).toBe(3)
    expect(Object.keys(JSON.parse(sealed.json))).toEqual(['sealed'])
    expect(open(bound, sealed.enc, sealed.json)).toBe(data)
    expect(await openFrame(frameOf(sealed), keysOf(stream, 3))).toEqual(JSON.parse(data))
  })

  test('never has the same iv or the same text twice', () => {
    const all = Array.from({ length: 1000 }, () => seal(bound, 0, data))
    expect(new Set(all.map((sealed) => sealed.enc.iv)).size).toBe(1000)
    expect(new Set(all.map((sealed) => sealed.json)).size).toBe(1000)
  })

  test('says nothing of its content but the length', () => {
    const sealed = seal(bound, 0, data)
    expect(sealedOf(sealed.json).byteLength).toBe(Buffer.byteLength(data) + 16)
    expect(sealed.json).not.toContain(Buffer.from(data).toString('base64url').slice(0, 16))
    expect(sealedOf(sealed.json).toString('latin1')).not.toContain('firstName')
  })

  test('does not open with a single bit of text, tag or iv turned over', () => {
    const { enc, json } = seal(bound, 0, data)
    const bytes = sealedOf(json)
    for (let index = 0; index < bytes.byteLength; index++) expect(() => open(bound, enc, jsonOf(flipped(bytes, index)))).toThrow()
    const iv = Buffer.from(enc.iv, 'base64url')
    for (let index = 0; index < iv.byteLength; index++) {
      expect(() => open(bound, { ...enc, iv: flipped(iv, index).toString('base64url') }, json)).toThrow()
    }
    for (const length of [0, 1, 15, 16, bytes.byteLength - 1]) expect(() => open(bound, enc, jsonOf(bytes.subarray(0, length)))).toThrow()
  })

  test('does not open with a tag that was cut short', () => {
    const { enc, json } = seal(bound, 0, '')
    const tag = sealedOf(json)
    expect(tag.byteLength).toBe(16)
    for (const length of [4, 8, 12, 15]) expect(() => open(bound, enc, jsonOf(tag.subarray(0, length)))).toThrow()
  })

  test('is bound to its stream, its id, its type and its key', async () => {
    const { enc, json } = seal(bound, 5, data)
    const others = [
      { ...bound, stream: 'store:0192aaaa-0000-7000-8000-000000000009' },
      { ...bound, id: '0192bbbb-0000-7000-8000-000000000009' },
      { ...bound, type: 'customer_updated' },
    ]
    for (const other of others) expect(() => open(other, enc, json)).toThrow()
    const [masterId] = enc.kid.split('.')
    for (const kid of [`${masterId}.4`, `${masterId}.6`, `${masterId}.05`, `${masterId}.`, 'ffffffff.5', '']) {
      expect(() => open(bound, { ...enc, kid }, json)).toThrow()
    }
    // A client that was handed a wrong kid with the right key finds out too: the kid is authenticated.
    const keys = keysOf(stream, 5).map((key): KnownKey => ({ ...key, kid: `${masterId}.77` }))
    await expect(openFrame({ ...frameOf({ enc, json }), enc: { ...enc, kid: `${masterId}.77` } }, keys)).rejects.toThrow()
  })
})

describe('keys', () => {
  test('are told for the present and the last generations, newest first, each 32 bytes in base64url', () => {
    const keys = keysOf(stream, 40)
    expect(keys).toHaveLength(32)
    expect(keys.map((key) => generationOf(key.kid))).toEqual(Array.from({ length: 32 }, (_, index) => 40 - index))
    for (const key of keys) expect(Buffer.from(key.k, 'base64url').byteLength).toBe(32)
    expect(keys.map((key) => key.stream)).toEqual(keys.map(() => stream))
    expect(keysOf(stream, 0)).toHaveLength(1)
  })

  test('differ by stream and generation, and none is the configured one', () => {
    const streams: StreamName[] = [stream, 'store:0192aaaa-0000-7000-8000-000000000009', 'user:0192aaaa-0000-7000-8000-000000000001']
    const all = streams.flatMap((name) => keysOf(name, 4).map((key) => key.k))
    expect(new Set(all).size).toBe(15)
    expect(all).not.toContain(Buffer.from(first, 'base64').toString('base64url'))
  })

  test('of several configured ones the first seals and all open; one that is gone opens nothing', async () => {
    const old = seal(bound, 2, data)
    try {
      configure([second, first])
      expect(open(bound, old.enc, old.json)).toBe(data)
      const fresh = seal(bound, 2, data)
      expect(fresh.enc.kid).not.toBe(old.enc.kid)
      const told = keysOf(stream, 2)
      expect(await openFrame(frameOf(old), told)).toEqual(JSON.parse(data))
      expect(await openFrame(frameOf(fresh), told)).toEqual(JSON.parse(data))
      configure([second])
      expect(open(bound, fresh.enc, fresh.json)).toBe(data)
      expect(() => open(bound, old.enc, old.json)).toThrow('No configured key')
      await expect(openFrame(frameOf(old), keysOf(stream, 2))).rejects.toThrow('no key')
    } finally {
      configure([first])
    }
  })
})

describe('what is sealed', () => {
  test('are events of customers and profiles, or those of them that are listed, once there is a key', () => {
    expect(['customer_created', 'customer_updated', 'profile_updated', 'order_created'].map(isSealed)).toEqual([true, true, true, false])
    try {
      configure([first], 'profile_updated')
      expect(['customer_created', 'profile_updated'].map(isSealed)).toEqual([false, true])
      configureSealing(loadConfig({}))
      expect([isSealing(), isSealed('customer_created')]).toEqual([false, false])
    } finally {
      configure([first])
    }
  })

  test('stays opened only in a copy: the event of the log is as it was', () => {
    const sealed = seal(bound, 0, data)
    const event = { ...bound, ...sealed, epoch: 'e', seq: 1 } as unknown as LoggedEvent
    expect(opened(event)).toMatchObject({ json: data, enc: null, seq: 1 })
    expect(event.json).toBe(sealed.json)
    expect(opened({ ...event, json: data, enc: null })).toMatchObject({ json: data })
  })
})

test('a stream gets a new key when somebody loses sight of it, and only then', () => {
  const change = (action: string, role: string) => rotatesKey({ stream: 'store:s', type: 'store_updated', data: { action, userId: 'u', role } })
  expect([change('member_removed', 'staff'), change('member_changed', 'kitchen')]).toEqual([true, true])
  expect([change('member_added', 'kitchen'), change('member_changed', 'staff'), change('updated', 'owner')]).toEqual([false, false, false])
  expect(rotatesKey({ stream: 'store:s', type: 'product_updated', data: { action: 'member_removed' } })).toBe(false)
  expect(rotatesKey({ stream: 'user:u', type: 'store_updated', data: { action: 'member_removed' } })).toBe(false)
})
