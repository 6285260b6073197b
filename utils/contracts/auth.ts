import { z } from 'zod'
import { emailText, id, roleSchema, text, timestamp } from '~/utils/contracts/common'
import { givenPassword, newPassword, userSchema } from '~/utils/contracts/user'

export const loginSchema = z.strictObject({ email: emailText, password: givenPassword }).meta({ id: 'Login' })
export type Login = z.infer<typeof loginSchema>

/** A store to which the user belongs. */
export const membershipSchema = z.object({ storeId: id, name: z.string(), role: roleSchema }).meta({ id: 'Membership' })
export type Membership = z.infer<typeof membershipSchema>

const credentials = { user: userSchema, token: z.string(), expiresAt: timestamp.nullable() }
export const registeredSchema = z.object(credentials).meta({ id: 'Registered' })
export const loggedInSchema = z.object({ ...credentials, stores: z.array(membershipSchema) }).meta({ id: 'LoggedIn' })

/** `expiresAt` is the earlier of the idle and the absolute end; null for a device. `current` is the session that asks. */
export const sessionSchema = z
  .object({
    id,
    createdAt: timestamp,
    lastUsedAt: timestamp,
    expiresAt: timestamp.nullable(),
    userAgent: z.string().nullable(),
    current: z.boolean(),
  })
  .meta({ id: 'Session' })
export type Session = z.infer<typeof sessionSchema>

export const currentSessionSchema = z
  .object({ user: userSchema, session: sessionSchema, stores: z.array(membershipSchema) })
  .meta({ id: 'CurrentSession' })

export const ticketSchema = z.object({ ticket: z.string(), expiresAt: timestamp }).meta({ id: 'Ticket' })

export const passwordResetSchema = z.strictObject({ email: emailText }).meta({ id: 'PasswordReset' })
export type PasswordReset = z.infer<typeof passwordResetSchema>

export const confirmPasswordResetSchema = z.strictObject({ token: text(200, 1), newPassword }).meta({ id: 'ConfirmPasswordReset' })
export type ConfirmPasswordReset = z.infer<typeof confirmPasswordResetSchema>

/** Nothing is told: it would differ for an account that is there. */
export const emptySchema = z.strictObject({}).meta({ id: 'Nothing' })
