import { z } from 'zod'
import { emailText, id, nameText, phoneText, text, timestamp, version, webUrl } from '~/utils/contracts/common'

/** A person or a device, as it sees itself; the profile is this same resource. */
export const userSchema = z
  .object({
    id,
    kind: z.enum(['person', 'device']),
    email: z.string().nullable(),
    firstName: z.string(),
    lastName: z.string().nullable(),
    phone: z.string().nullable(),
    avatarUrl: z.string().nullable(),
    locale: z.string().nullable(),
    version,
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'User' })
export type User = z.infer<typeof userSchema>

/** A language tag in the form of BCP 47, such as `de` or `pt-BR`. */
const locale = text(35).regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, 'must be a language tag like en-GB')

export const updateProfileSchema = z
  .strictObject({
    firstName: nameText,
    lastName: nameText.nullable(),
    phone: phoneText.nullable(),
    avatarUrl: webUrl.nullable(),
    locale: locale.nullable(),
  })
  .partial()
  .meta({ id: 'UpdateProfile' })
export type UpdateProfile = z.infer<typeof updateProfileSchema>

export const newPassword = text(256, 10)
/** A password to be compared: what was never allowed to be set is simply wrong, unless it is absurd. */
export const givenPassword = text(256, 1)

export const registerSchema = z
  .strictObject({
    email: emailText,
    password: newPassword,
    firstName: nameText,
    lastName: nameText.nullish(),
    phone: phoneText.nullish(),
  })
  .meta({ id: 'Register' })
export type Register = z.infer<typeof registerSchema>

export const changePasswordSchema = z.strictObject({ currentPassword: givenPassword, newPassword }).meta({ id: 'ChangePassword' })
export type ChangePassword = z.infer<typeof changePasswordSchema>

export const changeEmailSchema = z.strictObject({ email: emailText, currentPassword: givenPassword }).meta({ id: 'ChangeEmail' })
export type ChangeEmail = z.infer<typeof changeEmailSchema>
