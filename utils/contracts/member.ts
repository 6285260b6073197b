import { z } from 'zod'
import { deviceRoleSchema, emailText, id, memberRoleSchema, nameText, roleSchema, timestamp } from '~/utils/contracts/common'

export const memberSchema = z
  .object({
    userId: id,
    name: z.string(),
    email: z.string().nullable().meta({ description: 'Null for devices, and to everybody but owners and managers for others than oneself' }),
    role: roleSchema,
    kind: z.enum(['person', 'device']),
    createdAt: timestamp,
  })
  .meta({ id: 'Member' })
export type StoreMember = z.infer<typeof memberSchema>

export const addMemberSchema = z.strictObject({ email: emailText, role: memberRoleSchema }).meta({ id: 'AddMember' })
export type AddMember = z.infer<typeof addMemberSchema>

export const changeMemberSchema = z.strictObject({ role: memberRoleSchema }).meta({ id: 'ChangeMember' })
export type ChangeMember = z.infer<typeof changeMemberSchema>

export const deviceSchema = z.object({ userId: id, name: z.string(), role: deviceRoleSchema }).meta({ id: 'Device' })
export type Device = z.infer<typeof deviceSchema>

export const createDeviceSchema = z.strictObject({ name: nameText, role: deviceRoleSchema }).meta({ id: 'CreateDevice' })
export type CreateDevice = z.infer<typeof createDeviceSchema>

export const newDeviceSchema = z
  .object({
    device: deviceSchema,
    token: z.string().nullable().meta({
      description: 'Told once, lives until the device is removed. A replay by another session of the caller than the first answers null',
    }),
  })
  .meta({ id: 'NewDevice' })
export type NewDevice = z.infer<typeof newDeviceSchema>
