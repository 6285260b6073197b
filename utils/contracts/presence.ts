import { z } from 'zod'
import { id, roleSchema } from '~/utils/contracts/common'

export const presentUserSchema = z
  .object({
    userId: id,
    name: z.string(),
    role: roleSchema,
    sessions: z.int().min(1).meta({ description: 'Open sockets of this user in the store' }),
  })
  .meta({ id: 'PresentUser' })
export type PresentUser = z.infer<typeof presentUserSchema>
