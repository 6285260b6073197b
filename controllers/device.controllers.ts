import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { eq, inArray } from 'drizzle-orm'
import { emitMembership, endMembership, findMember, lockMemberships, mayManage } from '~/controllers/member.controllers'
import { openSession } from '~/controllers/session.controllers'
import { recordAudit } from '~/db/audit'
import { db } from '~/db/client'
import { withEvents } from '~/db/events'
import { readPage } from '~/db/page'
import { members, users } from '~/db/schema'
import { createStream, storeStream, userStream } from '~/db/streams'
import type { Member } from '~/utils/actor'
import { deviceRoleSchema, type PageQuery, type Role } from '~/utils/contracts/common'
import type { CreateDevice, Device, NewDevice } from '~/utils/contracts/member'
import { forbidden, notFound } from '~/utils/errors'
import { wsManager } from '~/utils/websocket'

/** The membership rules never give a device another role than these. */
const toDevice = (userId: string, name: string, role: Role): Device => ({ userId, name, role: deviceRoleSchema.parse(role) })

export async function listDevices(member: Member, query: PageQuery) {
  const devices = db.select({ id: users.id }).from(users).where(eq(users.kind, 'device'))
  const page = await readPage(members, {
    ...query,
    stream: storeStream(member.storeId),
    scope: `devices ${member.storeId}`,
    where: [eq(members.storeId, member.storeId), inArray(members.userId, devices)],
  })
  const ids = page.rows.map((row) => row.userId)
  const named = await db.select({ id: users.id, name: users.firstName }).from(users).where(inArray(users.id, ids))
  const names = new Map(named.map((user) => [user.id, user.name]))
  return { ...page, data: page.rows.map((row) => toDevice(row.userId, names.get(row.userId) ?? '', row.role)) }
}

/**
 * A device with a session that lives until the device is removed. Its token is stored nowhere in clear: the answer that
 * is kept under an Idempotency-Key holds it sealed with `callerToken`, of which the database knows only the hash, so
 * that a replay tells it again to the same session of the caller and to nobody else.
 */
export async function createDevice(member: Member, input: CreateDevice, callerToken: string) {
  const written = await withEvents(member, async (tx, emit) => {
    if (!mayManage(await lockMemberships(tx, member), input.role)) throw forbidden()
    const userId = Bun.randomUUIDv7()
    await tx.insert(users).values({ id: userId, kind: 'device', firstName: input.name })
    await createStream(tx, userStream(userId))
    const [row] = await tx.insert(members).values({ storeId: member.storeId, userId, role: input.role }).returning()
    if (!row) throw notFound()
    const { token } = await openSession(tx, userId, 'device', null)
    await recordAudit(tx, member, 'device_created', userId)
    emitMembership(emit, 'member_added', row)
    return { device: toDevice(userId, input.name, row.role), sealedToken: sealToken(token, callerToken, userId) }
  })
  wsManager.sendStoreUpdate(member.storeId, written.events)
  const { device, sealedToken } = written.data
  const data: NewDevice = { device, token: openToken(sealedToken, callerToken, device.userId) }
  return { ...written, data }
}

export async function deleteDevice(member: Member, userId: string) {
  let endedIds: string[] = []
  const written = await withEvents(member, async (tx, emit) => {
    const callerRole = await lockMemberships(tx, member)
    const { row, user } = await findMember(tx, member.storeId, userId)
    if (user.kind !== 'device') throw notFound()
    if (!mayManage(callerRole, row.role)) throw forbidden()
    endedIds = await endMembership(tx, emit, member, row, user.kind)
    return toDevice(userId, user.firstName, row.role)
  })
  wsManager.sendStoreUpdate(member.storeId, written.events)
  wsManager.endSessions(endedIds)
  return written
}

const sealingKey = (callerToken: string, deviceId: string) => Buffer.from(hkdfSync('sha256', callerToken, deviceId, 'zipzap.device-token.v1', 32))

/** AES-256-GCM: nonce, tag, ciphertext. */
function sealToken(token: string, callerToken: string, deviceId: string): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', sealingKey(callerToken, deviceId), nonce)
  const sealed = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
}

/** Null when it was sealed with another token. */
function openToken(sealedToken: string, callerToken: string, deviceId: string): string | null {
  const bytes = Buffer.from(sealedToken, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(callerToken, deviceId), bytes.subarray(0, 12))
  decipher.setAuthTag(bytes.subarray(12, 28))
  try {
    return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return null
  }
}
